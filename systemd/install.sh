#!/bin/sh
# Puts the village edge controller on this machine, keeps it up to date, and takes it away. `--help` says all of it.
set -eu
LC_ALL=C.UTF-8
umask 022
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_CONSTRAINT PIP_REQUIRE_VIRTUALENV || :
tongue="en"
case ${LANG:-} in vi*) tongue="vi" ;; esac
export LC_ALL PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
here=$(cd "$(dirname "$0")" && pwd -P)
source=$(dirname "$here") # the checkout, or the release that this file was installed with

help_en() {
    cat <<'HELP'
Usage, as root:  sh systemd/install.sh [install] [--answers FILE] [--wheels DIR]
                 sh systemd/install.sh status | rollback | remove [--purge]

Puts the village edge controller on a Raspberry Pi (Raspberry Pi OS, or Debian 12 or 13), from the folder that this file
came in. After the installation the same program is /opt/village-edge/current/systemd/install.sh.

  install   (or nothing) the first time: installs, asks for the village's name and place, starts everything, and shows
            the code that lets the first phone in. Later: upgrades to the version in this folder. Once more: changes
            nothing. About five minutes on a Pi 4, most of it for what is fetched from the Internet.
  status    what is installed, what runs, and whether it is well.
  rollback  back to the version before, which is kept.
  remove    takes programs and units away. The village's state, configuration, users and backups stay, and a later
            install goes on with them. With --purge they are deleted too, for good.

  --answers FILE   what would be asked, from a file: systemd/answers.example says which
  --wheels DIR     no Internet for Python: take the packages from this folder. On a machine of the same kind with
                   Internet:  pip download -d DIR -r requirements.lock -r systemd/lgpio.lock
  --wait DURATION  how long a new version may take to be well (default: 60s)
  --language vi|en what to speak (default: that of LANG)

An upgrade copies the state first. If the new version is not well within 60 s (systemd, the broker and the page all say
so: village-edge health), the version before is put back, with its state if the new one has changed its form, and the
exit status is 1. A power cut at any moment leaves one whole version in force; the same command again finishes or undoes
what was begun. Valves and pumps are closed while it is switched, lights stay as they are, for about 15 s.

What it makes:
  /opt/village-edge        releases, each whole for itself; `current` is in force, `previous` the one before
  /etc/village-edge        site.yaml, secrets/; kept as they are if they are there
  /etc/mosquitto           village/ and conf.d/village.conf, by village-edge broker
  /etc/systemd             the units; limits for the journal; the hardware watchdog
  /var/lib/village-edge    the village's state; /var/lib/village-edge-before: that of before the last upgrade
  user village-edge, groups gpio and dialout where they are missing, /usr/local/bin/village-edge
Debian packages: mosquitto, python3-venv, ca-certificates, python3-lgpio (drives the outputs). They stay at removal, for
others may use them by then; it says which were installed for this.

What it does is written to /var/log/village-edge-install.log, without secrets.
Exit status: 0 done; 1 not, and why; 2 it was not understood.
HELP
}

help_vi() {
    cat <<'HELP'
Cách dùng, với quyền root:  sh systemd/install.sh [install] [--answers TỆP] [--wheels THƯ-MỤC]
                            sh systemd/install.sh status | rollback | remove [--purge]

Cài bộ điều khiển của thôn lên Raspberry Pi (Raspberry Pi OS, hoặc Debian 12 hay 13), từ thư mục chứa tệp này. Sau khi
cài, chính chương trình này nằm ở /opt/village-edge/current/systemd/install.sh.

  install   (hoặc không ghi gì) lần đầu: cài, hỏi tên và vị trí của thôn, khởi động mọi thứ, và hiện mã cho điện thoại
            đầu tiên. Lần sau: nâng lên phiên bản trong thư mục này. Chạy lại lần nữa: không thay đổi gì. Khoảng năm
            phút trên Pi 4, phần lớn là để tải từ Internet.
  status    đang cài gì, cái gì đang chạy, có ổn không.
  rollback  quay về phiên bản trước, vẫn được giữ.
  remove    gỡ chương trình và các unit. Dữ liệu, cấu hình, người dùng và bản sao lưu của thôn vẫn còn, lần cài sau dùng
            tiếp. Thêm --purge thì xóa cả những thứ đó, không lấy lại được.

  --answers TỆP      các câu trả lời, từ một tệp: xem systemd/answers.example
  --wheels THƯ-MỤC   không có Internet cho Python: lấy các gói từ thư mục này. Trên một máy cùng loại có Internet:
                     pip download -d THƯ-MỤC -r requirements.lock -r systemd/lgpio.lock
  --wait THỜI-GIAN   phiên bản mới được bao lâu để chạy ổn (mặc định: 60s)
  --language vi|en   nói tiếng gì (mặc định: theo LANG)

Khi nâng cấp, dữ liệu được chép lại trước. Nếu trong 60 giây phiên bản mới không ổn (cả systemd, broker và trang web đều
phải xác nhận: village-edge health), phiên bản trước được đặt lại, cùng dữ liệu của nó nếu phiên bản mới đã đổi dạng dữ
liệu, và mã thoát là 1. Mất điện bất cứ lúc nào vẫn còn một phiên bản trọn vẹn có hiệu lực; chạy lại lệnh đó thì việc dở
dang được làm nốt hoặc hủy bỏ. Van và bơm đóng trong lúc chuyển, đèn giữ nguyên, khoảng 15 giây.

Những gì được tạo ra:
  /opt/village-edge        các phiên bản, mỗi cái trọn vẹn; `current` có hiệu lực, `previous` là cái trước
  /etc/village-edge        site.yaml, secrets/; đã có thì giữ nguyên
  /etc/mosquitto           village/ và conf.d/village.conf, do village-edge broker
  /etc/systemd             các unit; giới hạn nhật ký; bộ canh phần cứng (watchdog)
  /var/lib/village-edge    dữ liệu của thôn; /var/lib/village-edge-before: dữ liệu trước lần nâng cấp cuối
  người dùng village-edge, nhóm gpio và dialout nếu thiếu, /usr/local/bin/village-edge
Gói Debian: mosquitto, python3-venv, ca-certificates, python3-lgpio (điều khiển đầu ra). Khi gỡ, chúng ở lại, vì lúc đó
có thể thứ khác đang dùng; máy nói gói nào đã được cài vì việc này.

Mọi việc được ghi vào /var/log/village-edge-install.log, không có bí mật.
Mã thoát: 0 xong; 1 chưa, và vì sao; 2 không hiểu lệnh.
HELP
}

# shellcheck source=systemd/install/words.sh
. "$here/install/words.sh"
# shellcheck source=systemd/install/checks.sh
. "$here/install/checks.sh"
# shellcheck source=systemd/install/answers.sh
. "$here/install/answers.sh"
# shellcheck source=systemd/install/release.sh
. "$here/install/release.sh"
# shellcheck source=systemd/install/files.sh
. "$here/install/files.sh"
# shellcheck source=systemd/install/change.sh
. "$here/install/change.sh"
# shellcheck source=systemd/install/remove.sh
. "$here/install/remove.sh"

misunderstood() {
    say "$1 (--help giải thích mọi thứ)" "$2 (--help says all of it)" >&2
    exit 2
}

verb='' answers='' wheels='' purge='' wait=60s LOG=''
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help | help) help_"$tongue"; exit 0 ;;
        --language) case ${2:-} in vi | en) tongue=$2; shift ;; *) misunderstood "--language: vi hoặc en" "--language: vi or en" ;; esac ;;
        --answers) [ -f "${2:-}" ] || misunderstood "--answers: không có tệp ${2:-}" "--answers: there is no file ${2:-}"
            answers=$(realpath "$2"); shift ;;
        --wheels) [ -d "${2:-}" ] || misunderstood "--wheels: không có thư mục ${2:-}" "--wheels: there is no folder ${2:-}"
            wheels=$(realpath "$2"); shift ;;
        --wait) case ${2:-} in [1-9]*[0-9]s | [1-9]s | [1-9]*m) wait=$2; shift ;; *) misunderstood "--wait: như 90s, 2m" "--wait: such as 90s, 2m" ;; esac ;;
        --purge) purge=yes ;;
        install | status | rollback | remove)
            [ -z "$verb" ] || misunderstood "chỉ một trong: $verb, $1" "only one of: $verb, $1"
            verb=$1 ;;
        *) misunderstood "không hiểu: $1" "not understood: $1" ;;
    esac
    shift
done
verb=${verb:-install}
[ -z "$purge" ] || [ "$verb" = remove ] || misunderstood "--purge chỉ đi với remove" "--purge goes with remove only"
if [ "$verb" != install ] && [ -n "$answers$wheels" ]; then
    misunderstood "--answers và --wheels chỉ đi với install" "--answers and --wheels go with install only"
fi
"do_$verb"
