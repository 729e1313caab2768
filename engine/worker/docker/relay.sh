# Carries ports of localhost to services: joins the network of a job's box, listens there, and passes on.
#
#   sh relay.sh FOLDER PROTOCOL:PORT:SERVICE:PORT...
#
# For whatever image is at hand: perl, which Debian's and Ubuntu's have, or busybox's nc, which Alpine's has. Leaves
# with 97 where neither is there (nc knows no udp). FOLDER/ready says that it listens.
folder=$1
shift
if perl -MSocket -e 1 2>/dev/null; then
  exec perl "$folder/relay.pl" "$folder" "$@"
fi
nc --help 2>&1 | grep -q BusyBox || exit 97
case " $*" in *" udp:"*) exit 97 ;; esac
again=-ll
nc --help 2>&1 | grep -q -e '-lk' && again=-lk

listens() {
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -qi ":$(printf %04X "$1") [0-9A-F]*:0000 0A "
}

split() { # PROTOCOL:PORT:SERVICE:PORT
  target=${1##*:}
  port=${1#*:}
  service=${port#*:}
  port=${port%%:*} service=${service%:*}
}

for rule in "$@"; do
  split "$rule"
  nc $again -p "$port" -e nc "$service" "$target" &
done
for rule in "$@"; do
  split "$rule"
  until listens "$port"; do sleep 0.02 2>/dev/null || sleep 1; done
done
: >"$folder/ready"
wait
