#!/usr/bin/env bash
# Uses what release.sh built as whoever downloads it does: the archive and the Debian
# package, each on a file system that holds nothing else.
#   .ci/release/test.sh out/release
set -euo pipefail
cd "$1"
archive=$(ls cibatest_*_linux_amd64.tar.gz)
package=$(ls cibatest_*_amd64.deb)
sha256sum --quiet -c checksums.txt

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/archive/tmp" "$work/package/tmp"
tar -xzf "$archive" -C "$work/archive"
dpkg-deb -x "$package" "$work/package"
chroot=$(PATH=$PATH:/usr/sbin command -v chroot)
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

# judge ROOT PROGRAM: the reference OP of the program, judged by the program, as nobody.
judge() {
  chmod 1777 "$1/tmp"
  as_root env -i HOME=/tmp "$chroot" --userspec=65534:65534 "$1" "$2" conform --smoke --out /tmp/out
  test -s "$1/tmp/out/report.html"
}
judge "$work/archive" /cibatest
judge "$work/package" /usr/bin/cibatest
as_root "$chroot" "$work/archive" /cibatest version
