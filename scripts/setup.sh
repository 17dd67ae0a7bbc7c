# Read by ./run and ./test: takes a fresh Debian or Ubuntu to where the manager starts.
# Plain POSIX sh. Changes nothing outside this folder except packages of the distribution.
# shellcheck shell=sh disable=SC2034  # variables are for those who read this

PROBE_LIMIT_S=5

say() { printf '==> %s\n' "$*"; }

fail() {
    printf 'anypool: %s\n' "$*" >&2
    exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

may_ask() { [ -z "${CI:-}" ] && [ -t 0 ] && [ -t 1 ]; }

# Sets LAB_REFUSED to the reason why servers cannot be made of namespaces here, or to nothing.
probe_lab() {
    LAB_REFUSED=''
    if [ "$(uname -m)" != x86_64 ]; then
        LAB_REFUSED="the lab's guests are x86_64 and this machine is $(uname -m)"
    elif [ ! -e /dev/net/tun ]; then
        LAB_REFUSED='there is no /dev/net/tun, so no guest can be plugged into a network'
    else
        try_namespaces
    fi
}

try_namespaces() {
    own=''
    is_root || own='--user --map-current-user --keep-caps'
    # shellcheck disable=SC2086  # words on purpose
    answer=$(timeout "$PROBE_LIMIT_S" unshare $own --mount --net --uts --pid --fork \
        --kill-child --mount-proc sh -c 'mount -t tmpfs none /run' 2>&1) && return 0
    [ -n "$answer" ] || answer="no answer within $PROBE_LIMIT_S s"
    LAB_REFUSED="namespaces are refused here ($(printf '%s' "$answer" | tail -n 1))"
}

# What is known of the accelerator before anything is downloaded; the lab boots a guest to decide.
accelerator_guess() {
    if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
        echo 'there is a /dev/kvm; a guest will be booted to see whether it works'
    else
        echo 'no /dev/kvm, guests run by emulation (slower, and good enough)'
    fi
}

# Prints the packages of the given sets, one a line, optional ones with their "?".
packages_of() {
    while read -r set package _; do
        case " $* " in *" $set "*) echo "$package" ;; esac
    done <scripts/packages
}

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_command() {
    echo "sudo apt-get install --no-install-recommends $(missing_of "$@")"
}

# Prints those of the given sets that are not installed; optional ones only if apt knows them.
missing_of() {
    packages_of "$@" | while read -r package; do
        name=${package#\?}
        is_installed "$name" && continue
        [ "$name" = "$package" ] || apt-cache show "$name" >/dev/null 2>&1 || continue
        printf '%s ' "$name"
    done
}

# Installs what is missing of the given sets. Status 1: not allowed to, or somebody said no.
ensure_packages() {
    missing=$(missing_of "$@")
    [ -n "$missing" ] || return 0
    is_root || return 1
    say "reading the distribution's package lists"
    apt-get -qq update || fail "apt-get update failed; is a mirror reachable?"
    missing=$(missing_of "$@")
    # shellcheck disable=SC2086  # a list of names
    downloads=$(apt_get '' --print-uris install $missing) ||
        fail "apt knows no way to install: $missing"
    megabytes=$(printf '%s\n' "$downloads" |
        awk '/^\047/ { sum += $3; n++ } END { printf "%d packages, %.0f MB", n, sum / 1000000 }')
    say "needed: $missing(with all they need: $megabytes to download)"
    may_install || return 1
    say "installing them; no service is started"
    # shellcheck disable=SC2086
    install_quietly $missing
}

may_install() {
    may_ask || return 0
    printf '    install them with apt-get? [Y/n] '
    read -r reply || return 1
    case "$reply" in '' | [Yy]*) return 0 ;; esac
    return 1
}

# $1: a program to run apt-get under, or nothing.
apt_get() {
    under=$1
    shift
    # shellcheck disable=SC2086  # nothing stays nothing
    DEBIAN_FRONTEND=noninteractive $under apt-get -qq -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"
}

install_quietly() {
    log=$(mktemp)
    status=0
    if can_hide_services; then
        apt_get scripts/without-services install "$@" >"$log" 2>&1 || status=$?
    else
        apt_get '' install "$@" >"$log" 2>&1 || status=$?
    fi
    [ "$status" -eq 0 ] || cat "$log" >&2
    rm -f "$log"
    [ "$status" -eq 0 ] || fail 'apt-get install failed; its words are above'
}

# Whether packages with services can be installed without starting them.
can_hide_services() {
    is_root && unshare --mount true 2>/dev/null
}

# Builds the web console if its sources changed. Arguments go to scripts/console.py.
# Whatever npm there is serves; only where there is none the distribution's is asked for.
ensure_console() {
    command -v npm >/dev/null 2>&1 || ensure_packages console || true
    .venv/bin/python -m scripts.console "$@"
}

# Makes the virtual environment and installs the project with "sim", "lab" or "dev" needs;
# again only when pyproject.toml, this folder's place or the system's Python changed.
ensure_environment() {
    python=$(/usr/bin/python3 -c 'import sys; print(sys.version.split()[0])')
    wanted="$(cksum <pyproject.toml) $PWD python $python"
    have=$(cat .venv/.installed 2>/dev/null || true)
    case "$have" in
    "$wanted dev") return 0 ;;
    "$wanted lab") [ "$1" = dev ] || return 0 ;;
    "$wanted sim") [ "$1" != sim ] || return 0 ;;
    esac
    if [ "$(.venv/bin/python -c "$IS_OURS" 2>/dev/null)" != "$python $PWD/.venv" ]; then
        say 'making the virtual environment .venv'
        /usr/bin/python3 -m venv --clear --system-site-packages .venv ||
            fail 'no virtual environment could be made; is python3-venv installed?'
    fi
    say "installing anypool's Python dependencies into it from PyPI"
    install_project "$1" || fail 'pip failed; its words are above'
    echo "$wanted $1" >.venv/.installed
}

IS_OURS='import sys; print(sys.version.split()[0], sys.prefix)'

install_project() {
    case "$1" in
    sim) pip_install --editable . ;;
    lab) pip_install --editable '.[lab]' ;;
    dev)
        .venv/bin/pip install --help | grep -q -- --group || pip_install --upgrade pip
        pip_install --group dev --editable '.[lab]'
        ;;
    esac
}

pip_install() {
    PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/pip install --quiet --no-input \
        --root-user-action=ignore "$@"
}
