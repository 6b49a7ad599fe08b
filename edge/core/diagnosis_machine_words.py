"""What is said of the machine, Vietnamese and English; see diagnosis_words.py."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.diagnosis_terms import Words

MACHINE: Mapping[str, Words] = {
    # --- the clock ---
    "clock-ntp": Words("{now}, được NTP xác nhận", "{now}, confirmed by NTP"),
    "clock-rtc": Words(
        "{now}, được đồng hồ có pin xác nhận; chưa có NTP", "{now}, confirmed by the battery-backed clock; no NTP yet"
    ),
    "clock-none": Words(
        "{now}, nhưng chưa ai xác nhận: đèn sẽ sáng cho an toàn, không tưới gì",
        "{now}, but nobody confirms it: lights are lit to be safe, and nothing is watered",
        ("`timedatectl` phải ghi `System clock synchronized: yes`; nếu NTP tắt: `sudo timedatectl set-ntp true`",
         "có mạng không; nơi không có mạng thì lắp đồng hồ có pin (DS3231)"),
        ("`timedatectl` must say `System clock synchronized: yes`; if NTP is off: `sudo timedatectl set-ntp true`",
         "is there a network; where there is none, fit a battery-backed clock (DS3231)"),
    ),
    "clock-no-rtc": Words(
        "không có đồng hồ có pin: mất điện xong phải chờ mạng mới biết giờ",
        "there is no battery-backed clock: after a power cut the time is unknown until there is a network",
        ("lắp DS3231 và ghi `dtoverlay=i2c-rtc,ds3231` vào config.txt (Pi 5: gắn pin), hoặc chịu đèn sáng lâu hơn",),
        (("fit a DS3231 with `dtoverlay=i2c-rtc,ds3231` in config.txt (Pi 5: its battery), or be content with lights "
         "that burn longer"),),
    ),
    "rtc-off": Words(
        "đồng hồ có pin lệch {off_s} giây so với đồng hồ hệ thống",
        "the battery-backed clock is off by {off_s} s from the system's",
        ("khi giờ hệ thống đã đúng: `sudo hwclock --systohc`", "vẫn lệch sau một đêm: thay pin"),
        ("when the system's time is right: `sudo hwclock --systohc`", "if it is off again after a night: its battery"),
    ),
    # --- the card ---
    "card-good": Words(
        "{path}: {kind}, còn {free_mb} MB; ghi xuống thẻ mất {sync_ms} ms, lâu nhất {worst_ms} (ngưỡng {limit_ms}); "
        "lịch sử {history_mb} MB trong {most_mb}",
        "{path}: {kind}, {free_mb} MB free; a write is on the card in {sync_ms} ms, {worst_ms} at worst (limit "
        "{limit_ms}); the history has {history_mb} MB of {most_mb}",
    ),
    "state-missing": Words(
        "chưa có thư mục {path}: bộ điều khiển chưa chạy ở đây lần nào",
        "{path} is not there: the controller has never run here",
        ("bật bộ điều khiển một lần, hoặc ghi đúng thư mục bằng --state",),
        ("start the controller once, or name its directory with --state",),
    ),
    "state-forbidden": Words(
        "không ghi được vào {path}: {why}",
        "nothing can be written in {path}: {why}",
        ("chạy bằng người dùng của bộ điều khiển: `runuser -u village-edge -- …`",
         "nếu đúng là người dùng đó: `sudo chown -R village-edge: {path}`"),
        ("run this as the controller's user: `runuser -u village-edge -- …`",
         "if it is that user: `sudo chown -R village-edge: {path}`"),
    ),
    "card-read-only": Words(
        "thẻ nhớ chỉ đọc được ({path}, {kind}): không gì được lưu",
        "the card is mounted read-only ({path}, {kind}): nothing is kept",
        ("xem `dmesg`: nếu có lỗi I/O thì thẻ đang hỏng, thay thẻ và khôi phục từ bản sao lưu",
         "nếu do fstab hoặc raspi-config: đặt lại rw"),
        ("look at `dmesg`: with I/O errors the card is dying, replace it and restore the backup",
         "if fstab or raspi-config says so: make it rw"),
    ),
    "card-not-kept": Words(
        "{path} nằm trên {kind}: mất điện là mất hết",
        "{path} lies on {kind}: what is written is lost with the power",
        ("tắt chế độ overlay trong raspi-config, hoặc đặt thư mục này trên một phân vùng ext4",),
        ("switch the overlay off in raspi-config, or put this directory on a partition of its own (ext4)",),
    ),
    "card-kind": Words(
        "{path} nằm trên {kind}, loại không chịu được mất điện",
        "{path} lies on {kind}, which does not stand power cuts",
        ("chuyển sang một phân vùng ext4",),
        ("move it to a partition with ext4",),
    ),
    "card-atime": Words(
        "{path} ({kind}) được gắn không có noatime: mỗi lần đọc tệp lại ghi thẻ",
        "{path} ({kind}) is mounted without noatime: reading files writes to the card",
        ("ghi `noatime,lazytime` vào các tùy chọn của nó trong /etc/fstab, rồi khởi động lại",),
        ("write `noatime,lazytime` into its options in /etc/fstab, and start again",),
    ),
    "card-full": Words(
        "chỉ còn {free_mb} MB trống cho {path} (cần {least_mb})",
        "only {free_mb} MB are free for {path} ({least_mb} are needed)",
        ("tìm thứ chiếm chỗ: `sudo du -xh / | sort -h | tail`; dùng thẻ lớn hơn, hoặc giảm history.max_mb",),
        ("find what takes the room: `sudo du -xh / | sort -h | tail`; take a larger card, or less history.max_mb",),
    ),
    "card-small": Words(
        "còn {free_mb} MB trống cho {path}, mà lịch sử ({history_mb} MB) được phép lớn đến {most_mb} MB",
        "{free_mb} MB are free for {path}, and the history ({history_mb} MB) may grow to {most_mb} MB",
        ("dùng thẻ lớn hơn, hoặc giảm history.max_mb trong cấu hình",),
        ("take a larger card, or write a smaller history.max_mb into the configuration",),
    ),
    "card-slow": Words(
        "ghi xuống thẻ ({path}, {kind}) mất {sync_ms} ms, lâu nhất {worst_ms} (ngưỡng {limit_ms})",
        "a write takes {sync_ms} ms to be on the card ({path}, {kind}), {worst_ms} at worst (limit {limit_ms})",
        ("đo lại khi máy rảnh; vẫn chậm thì thay thẻ (loại A1/A2, industrial), thẻ sắp hỏng cũng chậm như vậy",),
        (("measure again while nothing else runs; if it stays slow, take another card (A1/A2, industrial): one that is "
         "about to die is slow as well"),),
    ),
    # --- the broker ---
    "broker-good": Words(
        "{at} cho {user} vào bằng MQTT {protocol} và nhận bản tin giữ lại",
        "{at} lets {user} in with MQTT {protocol}, and takes retained messages",
    ),
    "broker-away": Words(
        "không có broker nào trả lời ở {at}: {why}",
        "no broker answers at {at}: {why}",
        ("`systemctl status mosquitto`; nếu chưa cài: `sudo apt-get install mosquitto`, rồi `village-edge broker`",
         "nếu broker ở chỗ khác: sửa mqtt.host và mqtt.port"),
        (("`systemctl status mosquitto`; if it is not installed: `sudo apt-get install mosquitto`, then "
         "`village-edge broker`"),
         "if the broker is elsewhere: correct mqtt.host and mqtt.port"),
    ),
    "broker-refuses": Words(
        "{at} không cho {user} vào: {why}",
        "{at} does not let {user} in: {why}",
        ("chạy `sudo village-edge broker --config …` để broker và mật khẩu khớp nhau, rồi khởi động lại mosquitto",
         "tệp mqtt.password_file có phải của broker này không"),
        ("run `sudo village-edge broker --config …`, which makes broker and password agree, and restart mosquitto",
         "is mqtt.password_file the one of this broker"),
    ),
    "broker-version": Words(
        "{at} không nói MQTT {protocol}: {why}",
        "{at} does not speak MQTT {protocol}: {why}",
        ("ghi `protocol: 3.1.1` vào mqtt trong cấu hình, hoặc dùng mosquitto 2",),
        ("write `protocol: 3.1.1` into mqtt of the configuration, or take mosquitto 2",),
    ),
    "broker-denies": Words(
        "{at} cho {user} vào nhưng không nhận bản tin của nó: {why}",
        "{at} lets {user} in, and takes no message of it: {why}",
        ("chạy `sudo village-edge broker --config …` để ghi lại danh sách quyền, rồi khởi động lại mosquitto",),
        ("run `sudo village-edge broker --config …`, which writes the access list anew, and restart mosquitto",),
    ),
    "broker-no-retain": Words(
        "{at} không giữ bản tin: điện thoại mở lên không biết trạng thái",
        "{at} retains nothing: a phone that opens the page knows no state",
        ("bỏ `retain_available false` khỏi cấu hình của mosquitto",),
        ("take `retain_available false` out of mosquitto's configuration",),
    ),
    "broker-anonymous": Words(
        "{at} cho cả người không có tên vào: ai tới được cổng này cũng bật tắt được",
        "{at} lets in who says no name: whoever reaches it may switch",
        (("chạy `sudo village-edge broker --config …`, nó ghi `allow_anonymous false`; bỏ `allow_anonymous true` ở các "
         "tệp khác trong /etc/mosquitto/conf.d"),),
        (("run `sudo village-edge broker --config …`, which writes `allow_anonymous false`; take `allow_anonymous "
          "true` out of other files in /etc/mosquitto/conf.d"),),
    ),
    "broker-open": Words(
        "cổng của broker mở ra mạng, không có TLS: {listeners}; ai nghe được mạng đó thì đọc được mật khẩu",
        "the broker's port is open to the network, without TLS: {listeners}; who can listen there reads passwords",
        ("nếu không cần: `sudo village-edge broker --config … --listen 127.0.0.1:1883`",
         "nếu cần từ xa: thêm --tls-listen; mạng riêng của thôn thì chấp nhận được"),
        ("if nobody needs it: `sudo village-edge broker --config … --listen 127.0.0.1:1883`",
         "if others do: --tls-listen; on a network of the village's own it may do"),
    ),
    "broker-far": Words(
        "broker ở máy khác ({at}): mật khẩu đi qua mạng không có TLS",
        "the broker is on another machine ({at}): the password crosses the network without TLS",
        ("dùng mosquitto trên chính máy này, với cầu nối có TLS lên huyện",),
        ("take mosquitto on this machine, with a bridge to the other that has TLS",),
    ),
    # --- rights, ports and secrets ---
    "rights-good": Words(
        "{user} (nhóm {groups}) dùng được mọi thứ mà cấu hình cần",
        "{user} (groups {groups}) may use all that the configuration needs",
    ),
    "as-root": Words(
        "đang chạy bằng root, root được phép mọi thứ: chưa biết bộ điều khiển được gì",
        "this runs as root, who may do anything: what the controller may is not known",
        ("chạy lại: `sudo runuser -u village-edge -G gpio -G dialout -- village-edge doctor …`, ở thư mục trạng thái",),
        (("run it again: `sudo runuser -u village-edge -G gpio -G dialout -- village-edge doctor …`, in the state "
         "directory"),),
    ),
    "no-group": Words(
        "{user} không thuộc nhóm {group}",
        "{user} is not in the group {group}",
        ("bộ điều khiển được nhóm này từ systemd (SupplementaryGroups); để chạy bằng tay: `runuser -G {group} …`",),
        ("the controller gets it from systemd (SupplementaryGroups); by hand: `runuser -G {group} …`",),
    ),
    "no-gpiochip": Words(
        "không có /dev/gpiochip*, mà cấu hình có dây GPIO",
        "there is no /dev/gpiochip*, and the configuration has GPIO lines",
        ("đây có phải Raspberry Pi không; để tập trên máy khác: --sim DIR",),
        ("is this a Raspberry Pi; to practise on another machine: --sim DIR",),
    ),
    "gpio-forbidden": Words(
        "{user} không mở được {path}",
        "{user} may not open {path}",
        ("nhóm gpio: `sudo usermod -aG gpio {user}`, rồi đăng nhập lại",),
        ("the group gpio: `sudo usermod -aG gpio {user}`, and log in again",),
    ),
    "port-unstable": Words(
        "{path} đổi số mỗi lần khởi động hoặc cắm lại",
        "{path} gets another number at any start or plugging in",
        ("ghi vào `device` của cổng: {stable}",),
        ("write into the port's `device`: {stable}",),
    ),
    "port-nameless": Words(
        "{path} đổi số mỗi lần khởi động, và không có tên cố định nào trong /dev/serial",
        "{path} gets another number at any start, and has no name that stays in /dev/serial",
        ("gói udev có chạy không: `ls -l /dev/serial/by-path`",),
        ("does udev run: `ls -l /dev/serial/by-path`",),
    ),
    "folder-forbidden": Words(
        "thư mục đang đứng {path} không ghi được, mà lgpio phải ghi tệp nhỏ ở đó",
        "the working directory {path} cannot be written, and lgpio puts small files there",
        ("`cd` vào thư mục trạng thái trước; đơn vị systemd có WorkingDirectory",),
        ("`cd` into the state directory first; the systemd unit has WorkingDirectory",),
    ),
    "secret-missing": Words(
        "không có tệp {path} mà cấu hình nêu",
        "{path}, which the configuration names, is not there",
        ("`sudo village-edge broker --config …` tạo mật khẩu của broker",),
        ("`sudo village-edge broker --config …` makes the broker's password",),
    ),
    "secret-open": Words(
        "{path} có quyền {mode}: ai trên máy này cũng đọc được",
        "{path} has the mode {mode}: anybody on this machine can read it",
        ("`sudo chmod 640 {path}`; nghi đã lộ thì đổi mật khẩu",),
        ("`sudo chmod 640 {path}`; if others may have read it, make a new one",),
    ),
    "secret-forbidden": Words(
        "{user} không đọc được {path} (quyền {mode})",
        "{user} may not read {path} (mode {mode})",
        ("`sudo chgrp village-edge {path}`, `sudo chmod 640 {path}`",),
        ("`sudo chgrp village-edge {path}`, `sudo chmod 640 {path}`",),
    ),
    # --- the lines ---
    "lgpio-good": Words("dùng được python3-lgpio", "python3-lgpio can be used"),
    "lgpio-missing": Words(
        "không có python3-lgpio: không dây GPIO nào chạy được",
        "python3-lgpio is missing: no GPIO line can be driven",
        ("`sudo apt-get install python3-lgpio`; môi trường Python phải tạo với --system-site-packages",),
        ("`sudo apt-get install python3-lgpio`; the Python environment must be made with --system-site-packages",),
    ),
    "lgpio-stub": Words(
        "lgpio trong môi trường Python này rỗng (bản của pip)",
        "the lgpio of this Python environment is an empty one, of pip's",
        ("`pip uninstall lgpio` trong môi trường đó, rồi `sudo apt-get install python3-lgpio`",),
        ("`pip uninstall lgpio` in that environment, then `sudo apt-get install python3-lgpio`",),
    ),
    "lgpio-broken": Words(
        "không dùng được python3-lgpio: {why}",
        "python3-lgpio cannot be used: {why}",
        ("thư mục đang đứng có ghi được không; cài lại: `sudo apt-get install --reinstall python3-lgpio`",),
        ("can the working directory be written; else `sudo apt-get install --reinstall python3-lgpio`",),
    ),
    "lines-stay": Words(
        "nhân {kernel}: chương trình chết thì dây GIỮ NGUYÊN mức, rơ-le đang đóng vẫn đóng đến khi `safe` chạy "
        "({source})",
        "kernel {kernel}: a line STAYS as it was driven when its process dies, a relay that is on stays on until "
        "`safe` runs ({source})",
    ),
    "lines-fall": Words(
        "nhân {kernel}: chương trình chết thì dây thành đầu vào, điện trở kéo quyết định ({source})",
        "kernel {kernel}: a line becomes an input when its process dies, and its pull decides ({source})",
    ),
    "lines-fall-here": Words(
        "nhân {kernel} không có tham số persist_gpio_outputs và không phải của Raspberry Pi: chương trình chết thì dây "
        "thành đầu vào, điện trở kéo quyết định",
        "kernel {kernel} has no parameter persist_gpio_outputs and is not Raspberry Pi's own: a line becomes an input "
        "when its process dies, and its pull decides",
    ),
    "lines-unknown": Words(
        "nhân {kernel} của Raspberry Pi không nói dây làm gì khi chương trình chết (không có tham số "
        "persist_gpio_outputs)",
        "kernel {kernel} of Raspberry Pi's does not say what a line does when its process dies (no parameter "
        "persist_gpio_outputs)",
        ("đấu dây cho cả hai trường hợp: điện trở kéo ngoài giữ rơ-le nhả; `apt-get full-upgrade` có nhân mới hơn",),
        ("wire for both: an external pull that keeps the relay off; `apt-get full-upgrade` brings a newer kernel",),
    ),
    # --- the watchdog, the power, the log ---
    "watchdog-good": Words(
        "{name}, systemd nuôi mỗi {fed_s} giây: máy treo thì tự khởi động lại",
        "{name}, fed by systemd within {fed_s} s: a machine that hangs starts again",
    ),
    "watchdog-none": Words(
        "máy này không có watchdog: treo là treo",
        "this machine has no watchdog: if it hangs, it hangs",
        ("trên Raspberry Pi: `dtparam=watchdog=on` trong config.txt",),
        ("on a Raspberry Pi: `dtparam=watchdog=on` in config.txt",),
    ),
    "watchdog-idle": Words(
        "có {name} nhưng systemd không nuôi: máy treo thì không tự khởi động lại",
        "there is {name}, but systemd does not feed it: a machine that hangs stays so",
        ("ghi `RuntimeWatchdogSec=15` vào /etc/systemd/system.conf.d/village-edge.conf, rồi khởi động lại",),
        ("write `RuntimeWatchdogSec=15` into /etc/systemd/system.conf.d/village-edge.conf, and start again",),
    ),
    "watchdog-long": Words(
        "RuntimeWatchdogSec là {fed_s} giây, {name} chỉ chịu được {most_s}",
        "RuntimeWatchdogSec is {fed_s} s, and {name} takes {most_s} at most",
        ("ghi `RuntimeWatchdogSec=15`, rồi khởi động lại",),
        ("write `RuntimeWatchdogSec=15`, and start again",),
    ),
    "power-good": Words("chưa lần nào thiếu điện áp hay quá nóng", "never low in voltage, never too hot"),
    "power-low": Words(
        "máy ĐANG thiếu điện áp ({word}): dễ treo, dễ hỏng thẻ",
        "the machine is short of voltage NOW ({word}): it may hang, and ruin its card",
        ("dùng bộ nguồn chính hãng 5,1 V và dây ngắn, to; rút bớt thiết bị USB",),
        ("take the maker's 5.1 V supply and a short, thick cable; unplug USB devices",),
    ),
    "power-was-low": Words(
        "máy đã thiếu điện áp ít nhất một lần từ khi bật ({word})",
        "the machine has been short of voltage since it was started ({word})",
        ("bộ nguồn và dây có đủ không (5,1 V, 3 A); khởi động lại rồi xem lại sau một đêm",),
        ("are supply and cable good enough (5.1 V, 3 A); start it again, and look after a night",),
    ),
    "power-held-back": Words(
        "máy bị hoặc đã bị giảm tốc vì nóng ({word})",
        "the machine is or was slowed down for its heat ({word})",
        ("tản nhiệt, lỗ thông gió của tủ; không để nắng chiếu thẳng vào tủ",),
        ("a heat sink, openings in the cabinet, shade",),
    ),
    "log-good": Words("nhật ký hệ thống được giữ, nhiều nhất {most}", "the system's log is kept, {most} at most"),
    "log-volatile": Words(
        "nhật ký hệ thống chỉ nằm trong bộ nhớ (nhiều nhất {most}): đỡ thẻ, mất điện là hết",
        "the system's log lies in memory alone ({most} at most): that spares the card, and is lost with the power",
    ),
    "log-unbounded": Words(
        "nhật ký hệ thống được giữ trên thẻ không giới hạn (đến một phần mười thẻ)",
        "the system's log is kept on the card without a bound (up to a tenth of it)",
        ("ghi `SystemMaxUse=64M` vào /etc/systemd/journald.conf.d/village-edge.conf, rồi khởi động lại",),
        ("write `SystemMaxUse=64M` into /etc/systemd/journald.conf.d/village-edge.conf, and start again",),
    ),
}  # fmt: skip
