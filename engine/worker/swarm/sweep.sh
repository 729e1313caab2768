# Sourced by the driver of a task: kills all that steps have left, but neither the courier nor this shell.
# Steps are in sessions of their own, or in the driver's; nobody can join the courier's.
for _treadle_round in 1 2 3 4 5; do
  _treadle_found=''
  for _treadle_pid in /proc/[0-9]*; do
    _treadle_pid=${_treadle_pid#/proc/}
    [ "$_treadle_pid" != 1 ] && [ "$_treadle_pid" != $$ ] || continue
    { read -r _treadle_stat <"/proc/$_treadle_pid/stat"; } 2>/dev/null || continue
    _treadle_stat=${_treadle_stat##*) }
    case $_treadle_stat in Z*) continue ;; esac
    _treadle_stat=${_treadle_stat#* } _treadle_stat=${_treadle_stat#* } _treadle_stat=${_treadle_stat#* }
    [ "${_treadle_stat%% *}" != "$_treadle_session" ] || continue
    kill -KILL "$_treadle_pid" 2>/dev/null && _treadle_found=1
  done
  [ -n "$_treadle_found" ] || break
done
