# Sourced by start, test, bench, chaos and soak: brings a bare Debian machine (with Node) to where the project runs.
# Does nothing when everything is there. Callers say which Debian packages they need beside Node: setup PACKAGE...

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# The program (or file) that shows that a package is there.
have_package() {
  case "$1" in
    redis-server) command -v redis-server >/dev/null ;;
    sip-tester) command -v sipp >/dev/null ;;
    libnet-smpp-perl) perl -MNet::SMPP -e 1 2>/dev/null ;;
    kamailio) command -v kamailio >/dev/null || [ -x /usr/sbin/kamailio ] ;;
    libxml2-utils) command -v xmllint >/dev/null ;;
    kannel) command -v bearerbox >/dev/null || [ -x /usr/sbin/bearerbox ] ;;
    tshark) command -v tshark >/dev/null ;;
    prosody) command -v prosody >/dev/null || [ -x /usr/bin/prosody ] ;;
    ejabberd) [ -x /usr/sbin/ejabberdctl ] ;;
    baresip-core) command -v baresip >/dev/null ;;
    python3-slixmpp) /usr/bin/python3 -c 'import slixmpp' 2>/dev/null ;;
    *) dpkg -s "$1" >/dev/null 2>&1 ;;
  esac
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Debian starts a daemon when it installs one. Ours are started by the gateway and the tests alone.
without_services() {
  local policy=/usr/sbin/policy-rc.d ours=no status=0
  if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  "$@" || status=$?
  [ "$ours" = no ] || as_root rm -f "$policy"
  return "$status"
}

install_packages() {
  local missing=() package
  for package in "$@"; do have_package "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "Missing: ${missing[*]}. This is no Debian; install them with the means of your system."
  if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
    die "Missing: ${missing[*]}. Run once: sudo apt-get install -y --no-install-recommends ${missing[*]}"
  fi
  say "Installing ${missing[*]}"
  local log
  log=$(mktemp)
  as_root apt-get update -qq >"$log" 2>&1 || { cat "$log" >&2; die "apt-get update failed"; }
  without_services as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1 || { cat "$log" >&2; die "apt-get install failed"; }
  rm -f "$log"
  # Nor at the next boot, where systemd runs.
  if [ -d /run/systemd/system ]; then
    for package in "${missing[@]}"; do
      case "$package" in redis-server | kamailio | kannel | prosody | ejabberd) as_root systemctl disable -q "$package" 2>/dev/null || true ;; esac
    done
  fi
}

check_node() {
  command -v node >/dev/null || die "Node.js is missing. Version 20.19 or later is needed: https://nodejs.org"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node.js $(node --version) is too old; 20.19 or later is needed."
}

# Installed packages are what the lock file says, to the checksum.
packages_fresh() {
  [ -e node_modules/.package-lock.json ] && node -e '
    const want = require("./package-lock.json").packages
    const have = require("./node_modules/.package-lock.json").packages
    const same = ([path, entry]) => path === "" || entry.optional || have[path]?.integrity === entry.integrity
    process.exit(Object.entries(want).every(same) ? 0 : 1)'
}

install_modules() {
  packages_fresh && return
  say "Installing npm packages"
  npm ci --no-audit --no-fund --loglevel=error >&2 || die "npm ci failed"
}

build() {
  local stamp=dist/.built
  if [ -e "$stamp" ] && [ -z "$(find gateway adapters scripts package-lock.json tsconfig.json tsconfig.build.json -newer "$stamp" -print -quit)" ]; then
    return
  fi
  say "Building"
  mkdir -p dist
  local began
  began=$(mktemp dist/.began.XXXXXX)
  npm run --silent build || { rm -f "$began"; die "The build failed"; }
  mv "$began" "$stamp"
}

setup() {
  check_node
  install_packages "$@"
  install_modules
  build
}
