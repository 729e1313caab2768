# Runs the steps of one box, one after another, as the engine hands them over.
#
#   sh driver.sh CHANNEL OOM_FILES [SWEEP]
#
# For any POSIX sh (dash, bash, busybox ash) with cat and sleep; uses setsid and env where the image has them.
# Engine to driver: `next` names the step, step/N.sh runs it, step/N.stop says that it must not go on, `end` lets the
# driver leave, a byte in `go` says "look again", SIGUSR1 ends the current step (TERM, `grace` centiseconds, KILL, sweep).
# Driver to engine: lines in `ev`, then a byte in `wake`:
#   R ready - B N uptime: begun - E N exit_code oom_kills uptime: ended - D N: its output is complete - Q: left
# SWEEP is the command that kills all that steps have left; without it, all but this shell and pid 1 (a container).
C=$1 oom_files=$2 sweep=${3:-'kill -KILL -1 2>/dev/null'}
cur='' cat='' hit='' woken='' fate='' last='' om=0

now() { read -r t _ </proc/uptime; }

oom() {
  om=0
  for f in $oom_files; do
    [ -r "$f" ] && while read -r k v; do [ "$k" = oom_kill ] && om=$v; done <"$f"
  done
}

say() { echo "$1" >>"$C/ev"; echo >&9; }

nap() {
  sleep .02 2>/dev/null
  [ $? -ne 1 ] || sleep 1 # a sleep that knows no fractions; other codes come from a signal
}

alive() { kill -0 -"$cur" 2>/dev/null || kill -0 "$cur" 2>/dev/null; }

stop() {
  woken=1
  [ -n "$cur" ] && [ -z "$hit" ] || return 0
  hit=1 fate=143
  kill -TERM -"$cur" 2>/dev/null || kill -TERM "$cur" 2>/dev/null
  read -r grace <"$C/grace"
  now
  deadline=$((${t%.*}${t#*.} + grace))
  while alive; do
    nap
    now
    [ "${t%.*}${t#*.}" -lt "$deadline" ] || { fate=137; break; }
  done
  kill -KILL -"$cur" 2>/dev/null
  kill -KILL "$cur" 2>/dev/null
  i=0 # what is in the pipe still reaches the log
  while kill -0 "$cat" 2>/dev/null && [ $i -lt 5 ]; do nap; i=$((i + 1)); done
  eval "$sweep"
  say "D $n"
}

step() {
  n=$1
  oom
  before=$om
  now
  echo "B $n $t" >>"$C/ev"
  if [ -e "$C/step/$n.stop" ]; then
    rc=143
    say "D $n"
  else
    # All ends of the pipe are open before anyone runs, so neither side can wait for the other.
    exec 7<>"$C/pipe/$n" 6<"$C/pipe/$n" 5>"$C/pipe/$n" 7>&-
    { cat >>"$C/log/$n"; say "D $n"; } <&6 5>&- 6<&- 8>&- &
    cat=$!
    (. "$C/step/$n.sh") </dev/null >&5 2>&1 5>&- 6<&- 8>&- 9>&- &
    cur=$!
    exec 5>&- 6<&-
    [ -e "$C/step/$n.stop" ] && stop # asked to before `cur` was known
    rc='' stale=$hit
    while :; do # a wait that the signal ended says nothing about the step: wait again
      woken=''
      wait "$cur" 2>/dev/null
      code=$?
      if [ -n "$woken" ]; then
        rc=$fate stale=1
      elif [ $code = 138 ] && [ -n "$stale" ]; then
        stale='' # bash may end one wait more for a signal (128 + USR1) whose trap has run already
      else
        break
      fi
    done
    [ $code = 127 ] && [ -n "$rc" ] || rc=$code # 127: the interrupted wait has taken the code with it
    hit=''
    cur=''
  fi
  oom
  now
  say "E $n $rc $((om - before)) $t"
}

_treadle_launch=''
setsid=$(command -v setsid) && _treadle_launch=$setsid
# A shell's background children ignore SIGINT and SIGQUIT, and a shell among them could never trap them again.
if env=$(command -v env); then
  _treadle_launch="$_treadle_launch $env"
  env --default-signal=INT,QUIT true 2>/dev/null && _treadle_launch="$_treadle_launch --default-signal=INT,QUIT"
fi

trap stop USR1
exec 8<>"$C/go" 9<>"$C/wake"
say R
while :; do
  if [ -e "$C/next" ] && read -r n <"$C/next" && [ "$n" != "$last" ]; then
    last=$n
    step "$n"
  elif [ -e "$C/end" ]; then
    break
  else
    read -r _ <&8
  fi
done
[ -z "$3" ] || eval "$sweep"
say Q
exit 0
