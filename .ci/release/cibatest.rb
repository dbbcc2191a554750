class Cibatest < Formula
  desc "Conformance and load tests for OpenID Connect CIBA"
  homepage "https://github.com/cibatest/cibatest"
  version "@VERSION@"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "https://github.com/cibatest/cibatest/releases/download/v@VERSION@/cibatest_@VERSION@_darwin_arm64.tar.gz"
      sha256 "@DARWIN_ARM64@"
    end
    on_intel do
      url "https://github.com/cibatest/cibatest/releases/download/v@VERSION@/cibatest_@VERSION@_darwin_amd64.tar.gz"
      sha256 "@DARWIN_AMD64@"
    end
  end
  on_linux do
    on_arm do
      url "https://github.com/cibatest/cibatest/releases/download/v@VERSION@/cibatest_@VERSION@_linux_arm64.tar.gz"
      sha256 "@LINUX_ARM64@"
    end
    on_intel do
      url "https://github.com/cibatest/cibatest/releases/download/v@VERSION@/cibatest_@VERSION@_linux_amd64.tar.gz"
      sha256 "@LINUX_AMD64@"
    end
  end

  def install
    bin.install "cibatest"
    generate_completions_from_executable(bin/"cibatest", "completion")
  end

  test do
    assert_match "catalogue", shell_output("#{bin}/cibatest version")
  end
end
