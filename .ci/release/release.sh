#!/usr/bin/env bash
# Builds all that a release is made of into a folder, without publishing any of it:
#   .ci/release/release.sh v1.2.3 out/release
# Two runs of one commit give the same bytes. What it needs beside Go, tar and gzip it runs
# at pinned versions.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1
out=$(mkdir -p "$2" && cd "$2" && pwd)

NFPM=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.48.0
CYCLONEDX=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
PLATFORMS=${PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64}

commit=$(git rev-parse HEAD)
git diff --quiet HEAD || commit=$commit-modified
export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)

# compile OS ARCH FILE
compile() {
  CGO_ENABLED=0 GOOS=$1 GOARCH=$2 go build -trimpath -buildvcs=false -o "$3" \
    -ldflags "-s -w -X main.release=$version -X main.revision=$commit -X main.built=$date" ./cmd/cibatest
}

# archive FOLDER FILE: the same bytes for the same files, whoever packs them and when.
archive() {
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --mode=u+w,go-w -C "$1" -cf - . | gzip -9n >"$2"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f "$out"/*

for platform in $PLATFORMS; do
  os=${platform%/*} arch=${platform#*/}
  folder=$work/$os-$arch binary=cibatest
  [ "$os" != windows ] || binary=cibatest.exe
  mkdir -p "$folder"
  compile "$os" "$arch" "$folder/$binary"
  cp LICENSE README.md CHANGELOG.md docs/third-party.md "$folder/"
  archive "$folder" "$out/cibatest_${version#v}_${os}_$arch.tar.gz"
done

for arch in amd64 arm64; do
  [ -d "$work/linux-$arch" ] || continue
  sed -e "s/@ARCH@/$arch/; s/@VERSION@/$version/; s|@BINARY@|$work/linux-$arch/cibatest|; s/@DATE@/$date/" \
    .ci/release/nfpm.yaml >"$work/nfpm.yaml"
  for format in deb rpm; do
    go run "$NFPM" package --config "$work/nfpm.yaml" --packager "$format" --target "$out/" >/dev/null
  done
done

# What each binary is made of, read out of it.
for platform in $PLATFORMS; do
  os=${platform%/*} arch=${platform#*/}
  binary=$work/$os-$arch/cibatest
  [ -f "$binary" ] || binary=$binary.exe
  go run "$CYCLONEDX" bin -json -noserial -version "$version" \
    -output "$work/bom.json" "$binary" 2>/dev/null
  sed "s/\(\"timestamp\": \"\)[^\"]*/\1$date/" "$work/bom.json" >"$out/cibatest_${version#v}_${os}_$arch.cdx.json"
done

# The formula of Homebrew, for the platforms that were built.
digest() { sha256sum "$1" 2>/dev/null | cut -d' ' -f1; }
name=$out/cibatest_${version#v}
sed -e "s/@VERSION@/${version#v}/g" \
  -e "s/@DARWIN_ARM64@/$(digest "${name}_darwin_arm64.tar.gz")/; s/@DARWIN_AMD64@/$(digest "${name}_darwin_amd64.tar.gz")/" \
  -e "s/@LINUX_ARM64@/$(digest "${name}_linux_arm64.tar.gz")/; s/@LINUX_AMD64@/$(digest "${name}_linux_amd64.tar.gz")/" \
  .ci/release/cibatest.rb >"$out/cibatest.rb"

# Where it comes from, as an in-toto statement; whoever publishes it signs it.
(
  cd "$out"
  printf '{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1","subject":['
  sha256sum cibatest* | awk '{printf "%s{\"name\":\"%s\",\"digest\":{\"sha256\":\"%s\"}}", (NR > 1 ? "," : ""), $2, $1}'
  printf '],"predicate":{"buildDefinition":{"buildType":"https://github.com/cibatest/cibatest/blob/main/.ci/release/release.sh",'
  printf '"externalParameters":{"version":"%s"},"resolvedDependencies":[{"uri":"git+https://github.com/cibatest/cibatest","digest":{"gitCommit":"%s"}}]},' \
    "$version" "$commit"
  printf '"runDetails":{"builder":{"id":"https://github.com/cibatest/cibatest/blob/main/.ci/release/release.sh"}}}}\n'
) >"$work/provenance.json"
mv "$work/provenance.json" "$name.intoto.json"
(cd "$out" && sha256sum -- * >"$work/checksums" && mv "$work/checksums" checksums.txt)
echo "$out: $(find "$out" -type f | wc -l) files of $version"
