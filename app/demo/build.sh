# sh build.sh FOLDER VERSION: turns each text of pages/ into a page of FOLDER.
set -eu
mkdir -p "$1"
for text in pages/*.txt; do
  name=$(basename "$text" .txt)
  echo "making $name.html"
  {
    echo "<!doctype html><title>$(head -n 1 "$text")</title>"
    echo "<p>$(tail -n +2 "$text" | tr '\n' ' ')</p>"
    echo "<footer>version $2 · <a href=\"index.html\">home</a></footer>"
  } > "$1/$name.html"
  sleep 1
done
