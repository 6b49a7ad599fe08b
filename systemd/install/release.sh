# shellcheck shell=sh
# Debian's packages, the user, and a release: a whole environment of its own under /opt/village-edge/releases.

MADE=$BASE/made # what was added to the system for this: `user NAME`, `group NAME`, `package NAME`

note_made() {
    mkdir -p $BASE
    grep -qsxF "$1" $MADE || printf '%s\n' "$1" >>$MADE
}

lacks() { # PACKAGE…: those that are not installed
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
}

has_lgpio() { "${1:-python3}" -c 'import lgpio' 2>/dev/null; }

apt_knows() { apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'; }

apt() {
    quietly env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 "$@"
}

install_packages() {
    wanted=$(lacks mosquitto python3 python3-venv)
    [ -n "$wheels" ] || wanted="$wanted$(lacks ca-certificates)" # pip believes nobody without them
    if [ -z "$wheels" ] && ! has_lgpio; then
        apt_knows mosquitto || apt update || : # a new card knows no packages yet; what is there may do
        ! apt_knows python3-lgpio || wanted="$wanted python3-lgpio"
    fi
    # shellcheck disable=SC2086
    wanted=$(echo $wanted)
    [ -n "$wanted" ] || return 0
    step "Cài các gói Debian: $wanted (một đến ba phút)" "Installing Debian packages: $wanted (one to three minutes)"
    apt check || or_fail "apt đang bận hoặc hỏng: đợi cập nhật tự động xong, hoặc chạy dpkg --configure -a" \
        "apt is busy or broken: wait until the automatic update has ended, or run dpkg --configure -a"
    # shellcheck disable=SC2086
    apt install --no-install-recommends $wanted || { apt update && apt install --no-install-recommends $wanted; } ||
        or_fail "apt không cài được: máy có Internet không? Cài bằng tay: apt-get install $wanted" \
            "apt could not install them: is the Internet reachable? By hand: apt-get install $wanted"
    for package in $wanted; do note_made "package $package"; done
    check_python
    did
}

make_users() {
    for group in gpio dialout; do
        getent group $group >/dev/null || { quietly groupadd --system $group && note_made "group $group"; }
    done
    if ! getent passwd village-edge >/dev/null; then
        quietly useradd --system --user-group --no-create-home --home-dir $STATE --shell /usr/sbin/nologin village-edge ||
            or_fail "không tạo được người dùng village-edge" "the user village-edge could not be made"
        note_made "user village-edge"
    fi
    install -d -m 750 -o root -g village-edge $CONFIG
    install -d -m 750 -o village-edge -g village-edge $STATE
    install -d -m 700 $BACKUPS
}

# Of its content: what is built from the same files, by the same Python, for the same processor is the same release.
release_name() {
    if [ -f "$source/whole" ]; then basename "$source"; return; fi
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$source/pyproject.toml")
    sum=$(cd "$source" && {
        python3 -c 'import platform, sys; print(sys.version_info[:2], platform.machine())'
        find edge drivers simulator config systemd pyproject.toml requirements.lock README.md LICENSE -type f ! -name '*.pyc' -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
    } | sha256sum | cut -c1-12)
    printf '%s-%s\n' "$version" "$sum"
}

current() { release_of current; }
release_of() { # LINK: the release it leads to; nothing if there is none
    [ ! -f "$BASE/$1/whole" ] || basename "$(readlink "$BASE/$1")"
}

pip() {
    quietly "$dir/bin/python" -m pip install --no-cache-dir --ignore-installed ${wheels:+--no-index --find-links "$wheels"} "$@"
}

site_of() { (cd "$1" && echo lib/python3*/site-packages); }

# Those of the release in force, where the same ones are asked for: an upgrade then needs no Internet.
take_packages() {
    cmp -s "$source/requirements.lock" $BASE/current/requirements.lock || return 1
    site=$(site_of $BASE/current)
    [ "$site" = "$(site_of "$dir")" ] || return 1
    rm -rf "${dir:?}/$site"
    if cp -a "$BASE/current/$site" "$dir/${site%/*}" && quietly "$dir/bin/python" "$source/systemd/install/intact.py" "$dir/$site"; then
        (cd "$dir/$site" && rm -rf edge drivers simulator village_edge-*.dist-info)
        return 0
    fi
    rm -rf "$dir"
    quietly python3 -m venv --system-site-packages "$dir"
    return 1
}

fetch_packages() {
    pip --require-hashes -r "$source/requirements.lock" ||
        or_fail "pip không lấy được các gói: máy có Internet không? Không có thì dùng --wheels" "pip could not get the packages: is the Internet reachable? If there is none: --wheels"
}

fetch_lgpio() {
    has_lgpio "$dir/bin/python" || pip --no-deps --retries 1 --require-hashes -r "$source/systemd/lgpio.lock" ||
        say "  CHÚ Ý: không có lgpio, nên các đầu ra trên chân GPIO sẽ không hoạt động. Raspberry Pi OS có gói python3-lgpio." \
            "  NOTE: there is no lgpio, so outputs on GPIO lines will not work. Raspberry Pi OS has the package python3-lgpio."
}

# Built where it will stand, for an environment holds its own path; it counts once it has the file `whole`, the last.
build_release() { # NAME
    dir=$BASE/releases/$1
    [ ! -f "$dir/whole" ] || return 0
    check_disk
    step "Dựng phiên bản $1 (một đến bốn phút)" "Building the release $1 (one to four minutes)"
    rm -rf "$dir"
    mkdir -p $BASE/releases
    quietly python3 -m venv --system-site-packages "$dir" || or_fail "không tạo được môi trường Python" "no Python environment could be made"
    take_packages || fetch_packages
    fetch_lgpio
    pip --no-deps --no-build-isolation "$source" || or_fail "không cài được chương trình từ $source" "the program in $source could not be installed"
    cp -R "$source/systemd" "$source/requirements.lock" "$dir/"
    "$dir/bin/python" -c 'from edge.shell.archive import DATABASES, newest_schema; print(*map(newest_schema, sorted(DATABASES)))' >"$dir/schema" 2>>"$LOG" ||
        or_fail "chương trình vừa cài không chạy được" "the program that was installed does not run"
    sync -f "$dir"
    : >"$dir/whole"
    sync -f "$dir"
    did
}

drop_releases() { # all but the one in force, the one before, and NAME…
    for dir in "$BASE"/releases/*; do
        keep=no
        for name in "$(current)" "$(release_of previous)" "$@"; do [ "$(basename "$dir")" != "$name" ] || keep=yes; done
        [ $keep = yes ] || rm -rf "$dir"
    done
}
