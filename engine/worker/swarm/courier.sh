# Carries one box's channel between a task of a swarm and the engine, and ends the task when it must.
#
#   sh courier.sh           the task itself: dials, then runs the driver; leaves with the driver's exit code
#   sh courier.sh tls       what nc runs on a connection: TLS by busybox's ssl_client
#
# Needs `openssl`, or busybox with nc and ssl_client: the image's, or the pieces of one in KIT. Dials TREADLE_ADDRESS as
# the task TREADLE_TASK of the box TREADLE_BOX, and proves that it knows the token of its attempt without telling it.
# Engine to box, a line each (SEQ is applied once, however often it comes), then LENGTH bytes:
#   have FILE OFFSET - SEQ put FILE MODE LENGTH - SEQ fifo FILE - SEQ del FILE - SEQ tar FOLDER LENGTH - SEQ start
#   SEQ sig - run ID LENGTH - kill - beat - bye
# Box to engine: at FILE OFFSET LENGTH - file FILE LENGTH - out ID CODE LENGTH - did SEQ - beat - left CODE
# Leaves with 95: refused, another task has this attempt - 96: no means to dial - 97: the line was gone for too long.
C=/treadle T=$C/.line KIT=/run/treadle
umask 022

uptime() { read -r up _ </proc/uptime; up=${up%.*}; }
tell() { echo "$*" >>"$T/boss"; } # a FIFO that the main shell keeps open
hex() { od -An -v -tx1 | tr -d ' \n'; }

# -- TLS ---------------------------------------------------------------------------------------------------------------

if [ "$1" = tls ]; then # 0 and 1 are the socket, 3 what goes up, 4 what came down
  exec 5<&0 6>&1
  rm -f "$T/cipher"
  mkfifo "$T/cipher"
  # What the engine's side says first is kept: ssl_client verifies nothing, `pinned` does.
  # (No cat on a socket: busybox's asks the kernel for 16 MiB, which may wait for all of them.)
  { dd bs=1 count="$TREADLE_FLIGHT" >"$T/flight"; cat "$T/flight"; exec dd bs=65536; } <&5 >"$T/cipher" 2>/dev/null \
    3<&- 4>&- 6>&- &
  exec 7<"$T/cipher" 5<&-
  exec ssl_client -s 6 -r 7 <&3 >&4 2>/dev/null
fi

# Without elliptic curves the secret of a TLS 1.2 connection is encrypted to the key in the first certificate: only who
# has that key can go on. So it is enough that the cipher is such a one, and that the certificate is the engine's.
pinned() {
  flight=$(hex <"$T/flight")
  case $flight in 160303????0200????0303*) ;; *) return 1 ;; esac
  rest=${flight#??????????????????????}                                     # the record's head, the hello's, its version
  rest=${rest#????????????????????????????????????????????????????????????????} # its random number
  case $rest in
    00*) rest=${rest#00} ;;
    20*) rest=${rest#20????????????????????????????????????????????????????????????????} ;; # its session
    *) return 1 ;;
  esac
  case $rest in 009c00*) rest=${rest#009c00} ;; *) return 1 ;; esac # TLS_RSA_WITH_AES_128_GCM_SHA256
  case $rest in # a few extensions, then the certificate in a record of its own or in the same one
    160303*) ;;
    0005ff01000100*) rest=${rest#0005ff01000100} ;;
    0000*) rest=${rest#0000} ;;
  esac
  case $rest in 160303*) rest=${rest#160303????} ;; esac
  case $rest in 0b??????????????????"$TREADLE_PIN"*) return 0 ;; *) return 1 ;; esac
}

# -- one connection ----------------------------------------------------------------------------------------------------

dial() { # 3 is what goes up, 4 what comes down
  if [ "$way" = openssl ]; then
    exec openssl s_client -quiet -verify_quiet -verify_return_error $alone -CAfile "$KIT/engine.pem" \
      -connect "$host:$port" <&3 >&4 2>/dev/null
  else
    exec nc "$host" "$port" -e sh "$KIT/courier.sh" tls
  fi
}

proof() { # WHO
  printf '%s' "$token:$1:$nonce:$mine" | sha256sum | { read -r sum _; echo "$sum"; }
}

take() { # LENGTH: exactly so many bytes of what came down
  whole=$(($1 / 65536)) rest=$(($1 % 65536))
  [ $whole -eq 0 ] || dd bs=65536 count=$whole iflag=fullblock 2>/dev/null <&4
  [ $rest -eq 0 ] || dd bs=$rest count=1 iflag=fullblock 2>/dev/null <&4
}

usr1() { # to a driver that heeds it
  [ -s "$C/ev" ] && read -r pid <"$T/driver" && kill -USR1 "$pid" 2>/dev/null
}

put() { # FILE MODE LENGTH
  take "$3" >"$T/in"
  chmod "$2" "$T/in"
  [ ! -d "$C/$1" ] || rm -rf "${C:?}/$1"
  mv -f "$T/in" "$C/$1"
  case $1 in
    file/* | exchange/*) (cd "$C" && stat -c "$look" "$1" >>"$T/given") ;;
    step/*.stop) usr1 ;;
    next | end) echo >>"$C/go" ;;
  esac
}

listen() { # what came down, until there is no more
  while read -r verb a b c d <&4; do
    uptime
    echo "$up" >"$T/heard"
    case $verb in
      [0-9]*)
        read -r seq <"$T/seq"
        if [ "$verb" -le "$seq" ]; then
          case $a in put) take "$d" >/dev/null ;; tar) take "$c" >/dev/null ;; esac
          continue
        fi
        case $a in
          put) put "$b" "$c" "$d" ;;
          fifo) rm -rf "${C:?}/$b"; mkfifo "$C/$b"; chmod 666 "$C/$b" ;;
          del) rm -rf "${C:?}/$b" ;;
          tar) mkdir -p "$b"; take "$c" >"$T/tar"
            gzip -dc "$T/tar" | tar -xf - -C "$b" || tell broken; rm -f "$T/tar" ;;
          start) tell start ;;
          sig) usr1 ;;
        esac
        echo "$verb" >"$T/seq.new" && mv -f "$T/seq.new" "$T/seq"
        ;;
      have) echo "$b" >"$T/off.${a##*/}" ;;
      run)
        take "$b" >"$T/run.$a"
        { sh "$T/run.$a" >"$T/out/$a" 2>/dev/null </dev/null 4<&- 5>&-; echo $? >"$T/out/$a.rc"
          mv -f "$T/out/$a.rc" "$T/out/$a.code"
          rm -f "$T/run.$a"; echo >>"$C/wake"; } &
        ;;
      beat) : >"$T/beat" ;;
      ready) : >"$T/ready" ;;
      bye) tell bye ;;
      kill) tell kill ;;
    esac
    echo >>"$C/wake"
  done
}

exactly() { # LENGTH: so many bytes of a file that may change meanwhile
  { cat; cat /dev/zero; } 2>/dev/null | dd bs=65536 count="$1" iflag=fullblock,count_bytes 2>/dev/null
}

files() { # what the box has made or changed in the folders that it shares with the engine
  cd "$C" || return
  stat -c "$look" file/* exchange/* >"$T/now" 2>/dev/null
  { echo nothing; cat "$T/was" "$T/given"; } >"$T/known" # an empty pattern file matches everything
  grep -vxFf "$T/known" "$T/now" | while read -r size line; do
    name=${line##*|}
    case $name in *[!A-Za-z0-9._/-]*) continue ;; esac
    [ -f "$name" ] && [ ! -h "$name" ] || continue
    echo "file $name $size"
    [ "$size" -eq 0 ] || exactly "$size" <"$name"
  done
  mv -f "$T/now" "$T/was"
}

part() { # FILE OFFSET SIZE: what has grown, at most 1 MiB; leaves the new offset in `off`
  length=$(($3 - $2))
  [ $length -le 1048576 ] || length=1048576
  echo "at $1 $2 $length"
  dd if="$C/$1" bs=65536 skip="$2" count=$length iflag=skip_bytes,count_bytes 2>/dev/null
  off=$(($2 + length))
}

nap() { # until the driver or the engine says something, or for a while
  { sleep "$1" 2>/dev/null || sleep 1; echo >&9; } &
  read -r _ <&9
}

send() { # what goes up: of one step's log and the events, the log goes first, and the files before the event of its end
  until [ -e "$T/ready" ]; do nap .1; done
  sent='' said='' log='' log_off=0 still=0
  : >"$T/was" # what went into a line that broke may be lost
  read -r ev_off <"$T/off.ev"
  while [ ! -e "$T/hung" ]; do
    read -r seq <"$T/seq"
    [ "$seq" = "$sent" ] || { echo "did $seq"; sent=$seq; }
    [ ! -e "$T/beat" ] || { rm -f "$T/beat"; echo beat; }
    for code in "$T"/out/*.code; do
      [ -e "$code" ] || continue
      read -r rc <"$code"
      out=${code%.code}
      size=$(stat -c %s "$out")
      echo "out ${out##*/} $rc $size"
      [ "$size" -eq 0 ] || exactly "$size" <"$out"
      rm -f "$code" "$out"
    done
    n=''
    [ ! -e "$C/next" ] || read -r n <"$C/next"
    if [ "$n" != "$log" ]; then
      log=$n log_off=0
      [ ! -e "$T/off.$n" ] || read -r log_off <"$T/off.$n"
      rm -f "$T/off.$n"
    fi
    left=''
    [ ! -e "$T/left" ] || read -r left <"$T/left"
    set -- $(stat -c %s "$C/ev" "$C/log/${n:-none}" 2>/dev/null)
    again=''
    [ ! -e "$C/next" ] || read -r again <"$C/next"
    [ "$again" = "$n" ] || continue # the events may tell of a step whose log was not looked at
    still=$((still + 1))
    [ "$1" -le "$ev_off" ] || { still=0; files; }
    while [ "${2:-0}" -gt "${log_off:-0}" ]; do
      part "log/$n" "$log_off" "$2"
      log_off=$off still=0
    done
    while [ "$1" -gt "$ev_off" ]; do
      part ev "$ev_off" "$1"
      ev_off=$off
    done
    if [ -n "$left" ] && [ -z "$said" ] && [ $still -gt 0 ]; then
      echo "left $left"
      said=1
    elif [ $still -gt 40 ]; then
      nap .25
    elif [ $still -gt 0 ]; then
      nap .05
    fi
  done
}

talk() { # first, for ssl_client overlooks what comes together with the end of the handshake
  echo treadle >&5
  read -r word nonce <&4 && [ "$word" = treadle ] || return
  [ "$way" = openssl ] || pinned || return
  mine=$(dd if=/dev/urandom bs=16 count=1 2>/dev/null | hex)
  read -r seq <"$T/seq"
  n=-
  [ ! -e "$C/next" ] || read -r n <"$C/next"
  echo "$TREADLE_BOX $TREADLE_TASK $way $mine $(proof box) $seq $n" >&5
  read -r word theirs <&4
  [ "$word" != no ] || { tell refused; return; }
  [ "$word" = go ] && [ "$theirs" = "$(proof engine)" ] || return
  rm -f "$T/hung" "$T/ready"
  send >&5 4<&- 9<>"$C/wake" &
  sender=$!
  listen
  : >"$T/hung"
  kill "$dialled" 2>/dev/null
  wait "$sender" 2>/dev/null
}

line() { # one connection after another
  while :; do
    rm -f "$T/up" "$T/down"
    mkfifo "$T/up" "$T/down"
    (exec 3<"$T/up" 4>"$T/down"; dial) &
    dialled=$!
    (exec 5>"$T/up" 4<"$T/down"; talk)
    kill "$dialled" 2>/dev/null
    wait "$dialled" 2>/dev/null
    sleep .3 2>/dev/null || sleep 1
  done
}

# -- the task ----------------------------------------------------------------------------------------------------------

read -r token </run/secrets/treadle
host=${TREADLE_ADDRESS%:*} port=${TREADLE_ADDRESS##*:} way='' alone=-no-CApath path=$PATH shell=sh
while :; do # the image's own, by its place: a busybox of ours would take `sh` for itself
  place=${path%%:*}
  [ ! -x "${place:-.}/sh" ] || { shell=${place:-.}/sh; break; }
  case $path in *:*) path=${path#*:} ;; *) break ;; esac
done
path=$PATH
look='%s %z %i|%n'
tools() { for tool in dd stat setsid sha256sum mkfifo tar od tr grep gzip mv chmod; do command -v $tool >/dev/null || return 1; done; }
if command -v openssl >/dev/null && tools && openssl version >/dev/null 2>&1; then
  way=openssl
  openssl s_client -help 2>&1 | grep -q no-CAstore && alone="$alone -no-CAstore"
else
  box=$C/busybox # it goes by its name
  if [ -e "$KIT/busybox.0" ] && cat "$KIT"/busybox.? >"$box" && chmod 755 "$box" && "$box" mkdir -p "$T/bin"; then
    "$box" --install -s "$T/bin" && PATH=$T/bin:$PATH
  fi
  command -v ssl_client >/dev/null && command -v nc >/dev/null && tools && way=ssl_client
fi
[ -n "$way" ] || exit 96

cd "$C" || exit 96
mkdir -p "$T/out" step log pipe file exchange /github/actions
chmod 777 file exchange
mkfifo go wake "$T/boss"
chmod 666 go wake
: >ev
chmod 666 ev
echo 0 >"$T/seq"
echo 0 >"$T/off.ev"
: >"$T/was"
: >"$T/given"
exec 8<>"$T/boss"
exec 9<>wake
uptime
echo "$up" >"$T/heard"
read -r stat <"/proc/$$/stat"
stat=${stat##*) } stat=${stat#* } stat=${stat#* } stat=${stat#* }
session=${stat%% *} # of all that belongs to the courier: steps are in others

line 8>&- 9>&- &
{
  exec 8>&- 9>&-
  while sleep 2; do
    uptime
    read -r heard <"$T/heard" && [ $((up - heard)) -lt "$TREADLE_LIMIT" ] || tell lost
  done
} &
code=137
while read -r order rc <&8; do
  case $order in
    start)
      {
        setsid sh -c 'echo $$ >"$0/driver.new" && mv -f "$0/driver.new" "$0/driver"; PATH=$1; . "$2"' \
          "$T" "$path" "$C/env" "$C" "$TREADLE_OOM" "_treadle_session=$session; . $KIT/sweep.sh" "$shell" 8>&- 9>&-
        echo "left $?" >&8
      } &
      ;;
    left)
      code=$rc
      echo "$rc" >"$T/left.new" && mv -f "$T/left.new" "$T/left"
      echo >&9
      ;;
    bye) break ;;
    refused) code=95; break ;;
    lost) code=97; break ;;
    broken) code=98; break ;;
    kill) code=137; break ;;
  esac
done
kill -KILL -1 2>/dev/null
exit "$code"
