# Shared by the scripts of this folder; sourced, never run.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
    bold='' green='' red='' dim='' plain=''
fi

# step TEXT: announces what comes next.
step() { printf '\n%s==> %s%s\n' "$bold" "$1" "$plain"; }

# note TEXT: one line of detail.
note() { printf '    %s\n' "$1"; }

# die TEXT…: says why nothing can go on and what to do, and ends with 1.
die() {
    printf '%serror:%s %s\n' "$red" "$plain" "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# has_command NAME: whether a program is there; /usr/sbin counts although ordinary users lack it in PATH.
has_command() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }

# has_package NAME: whether a Debian package is installed.
has_package() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# has_venv: whether python3 can make virtual environments (Debian keeps that in a package of its own).
has_venv() { has_command python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; }

# need_swift: ends unless the Swift toolchain is there; it is the one thing that is not installed from Debian.
need_swift() {
    has_command swift || die "the Swift toolchain is missing (no \`swift\` in PATH)" \
        "install Swift 6.2 or later from https://www.swift.org/install/linux and run this again"
}

missing_packages=()

# want PACKAGE REASON TEST…: remembers PACKAGE as missing when the test does not hold.
want() {
    local package=$1 reason=$2
    shift 2
    if ! "$@"; then
        missing_packages+=("$package")
        note "$package is missing: $reason"
    fi
}

# install_missing: installs the remembered Debian packages, as root or through sudo; nothing when none is missing.
install_missing() {
    if [ ${#missing_packages[@]} -eq 0 ]; then
        note 'every Debian package that is needed is there; nothing to install'
        return
    fi
    has_command apt-get || die "these packages are missing and there is no apt-get to install them: ${missing_packages[*]}" \
        'install them (or what they are called here) and run this again'
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        has_command sudo || die "these packages are missing: ${missing_packages[*]}" \
            "there is no sudo; run as root: apt-get install ${missing_packages[*]}"
        as_root=(sudo)
    fi
    note "installing from Debian: ${missing_packages[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -qq -y --no-install-recommends "${missing_packages[@]}" >/dev/null
    missing_packages=()
}
