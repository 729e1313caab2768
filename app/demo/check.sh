# sh check.sh titles|links|size FOLDER: holds each page of FOLDER against one rule.
set -eu
for page in "$2"/*.html; do
  case $1 in
    titles) grep -q '<title>..*</title>' "$page" ;;
    links) for target in $(sed -n 's/.*href="\([^"]*\)".*/\1/p' "$page"); do test -f "$2/$target"; done ;;
    size) test "$(wc -c < "$page")" -lt 4096 ;;
    *) echo "::error::There is no check $1."; exit 2 ;;
  esac
  echo "$1 of $page: fine"
  sleep 1
done
