"""The words of the commissioning sheet."""

from __future__ import annotations

from edge.figures import Language

NOTHING = "–"
WORDS: dict[Language, dict[str, str]] = {
    "vi": {
        "title": "Biên bản nghiệm thu tủ điều khiển", "site": "Thôn", "made": "Lập lúc", "cabinet": "Tủ (vị trí)",
        "version": "village-edge", "machine": "Máy", "serial": "Số sê-ri", "system": "Hệ điều hành",
        "config": "Cấu hình (SHA-256)", "by": "Người thử", "computer": "Máy tính trong tủ",
        "outputs": "Ngõ ra", "output": "Ngõ ra", "place": "Dây, bo", "polarity": "Đóng thử",
        "meter": "Công tơ nhảy theo",
        "seen": "Thấy tận mắt", "meters": "Công tơ, cảm biến, bo rơ-le", "device": "Thiết bị", "model": "Kiểu",
        "address": "Cổng, địa chỉ", "ratio": "Tỉ số CT", "plate": "Nhãn CT", "reading": "Đọc được",
        "display": "Trên màn hình", "inputs": "Tiếp điểm", "input": "Tiếp điểm", "line": "Dây", "role": "Để làm gì",
        "tested": "Đã thử", "alarms": "Thử cảnh báo", "alarm": "Cảnh báo", "try": "Làm thế nào",
        "comes": "Cảnh báo có lên, có hết",
        "left": "Còn phải làm", "nothing_left": "không thấy gì sai trong lần chạy này", "remarks": "Ghi chú",
        "installer": "Người lắp đặt", "head": "Trưởng thôn", "witness": "Người chứng kiến",
        "sign": "(ký, ghi rõ họ tên)", "not_read": "không đọc được",
        "right": "đúng", "inverted": "NGƯỢC", "nothing": "KHÔNG ĐÓNG", "other": "CÁI KHÁC ĐÓNG", "skipped": "bỏ qua",
        "locked": "đang khóa", "failed": "LỖI", "unseen": "đã đóng, không ai nhìn",
        "feedback": "tiếp điểm báo", "configured": "cấu hình", "none": "không công tơ nào",
        "hand": "công tắc tay", "door": "cửa tủ", "mains": "điện lưới", "photocell": "cảm biến ánh sáng", "rain": "mưa",
        "flow": "đồng hồ nước", "s0": "xung công tơ", "level": "phao bể", "feedback-of": "tiếp điểm báo của",
        "note": "Lập từ những gì `village-edge doctor` đo được trong một lần chạy; ô trống để ghi tay.",
    },
    "en": {
        "title": "Commissioning of a control cabinet", "site": "Village", "made": "Made at",
        "cabinet": "Cabinet (place)",
        "version": "village-edge", "machine": "Machine", "serial": "Serial number", "system": "System",
        "config": "Configuration (SHA-256)", "by": "Tested by", "computer": "The computer in the cabinet",
        "outputs": "Outputs", "output": "Output", "place": "Terminal", "polarity": "Pulse", "meter": "Meter that moved",
        "seen": "Seen by eye", "meters": "Meters, sensors, relay boards", "device": "Device", "model": "Model",
        "address": "Port, address", "ratio": "CT ratio", "plate": "CT's plate", "reading": "Read",
        "display": "On its display", "inputs": "Contacts", "input": "Contact", "line": "Line", "role": "What for",
        "tested": "Tested", "alarms": "Tests of alarms", "alarm": "Alarm", "try": "How", "comes": "It came, it went",
        "left": "Left to be done", "nothing_left": "nothing was found wrong in this run", "remarks": "Remarks",
        "installer": "Installed by", "head": "Village head", "witness": "Witness",
        "sign": "(signature, full name)", "not_read": "cannot be read",
        "right": "right", "inverted": "INVERTED", "nothing": "NOTHING MOVED", "other": "ANOTHER MOVED",
        "skipped": "skipped", "locked": "locked", "failed": "FAILED", "unseen": "pulsed, nobody looked",
        "feedback": "feedback", "configured": "configured", "none": "none moved",
        "hand": "hand switch", "door": "cabinet's door", "mains": "mains", "photocell": "photocell", "rain": "rain",
        "flow": "water meter", "s0": "meter's pulses", "level": "float in the tank", "feedback-of": "feedback of",
        "note": "Made from what `village-edge doctor` found in one run; what is blank is for the pen.",
    },
}  # fmt: skip
# How each alarm is brought about at the cabinet, where the configuration has what it takes: what it is, what to do.
TRIALS: dict[str, dict[Language, tuple[str, str]]] = {
    "device-silent": {
        "vi": ("thiết bị không trả lời", "rút dây A, B của một công tơ; cắm lại"),
        "en": ("a device is silent", "unplug A and B of a meter; plug in again"),
    },
    "stuck-off": {
        "vi": ("mạch không bật được", "cắt aptomat của một mạch đèn đang sáng; đóng lại"),
        "en": ("a circuit does not come on", "switch the breaker of a burning circuit off; on again"),
    },
    "hand-on": {
        "vi": ("công tắc ở vị trí bằng tay", "gạt công tắc sang bằng tay; gạt lại"),
        "en": ("the switch stands on hand", "turn the switch to hand; and back"),
    },
    "door-open": {"vi": ("cửa tủ mở", "mở cửa tủ; đóng lại"), "en": ("the door is open", "open it; close it")},
    "mains-lost": {
        "vi": ("mất điện lưới", "cắt aptomat tổng; đóng lại"),
        "en": ("the mains are away", "switch the main breaker off; on again"),
    },
    "flow-none": {
        "vi": ("không có nước", "khóa tay van tổng rồi mở một thửa"),
        "en": ("no water comes", "shut the main tap by hand, then open a plot"),
    },
    "level-stop": {
        "vi": ("dừng vì phao", "nhấc hoặc dìm phao khi bơm đang chạy"),
        "en": ("a float stops the pump", "move the float while the pump runs"),
    },
}
# What is tried of the whole cabinet.
WHOLE: dict[Language, tuple[str, ...]] = {
    "vi": (
        "cắt điện cả tủ lúc đèn sáng, đóng lại: đèn sáng lại, van và bơm tắt",
        "`systemctl stop village-edge`: van, bơm, quạt tắt; đèn giữ nguyên",
        "rút mạng: đèn theo lịch như thường; cắm lại: điện thoại thấy trạng thái",
    ),
    "en": (
        "power of the whole cabinet off while lamps burn, and on: lamps burn again, valves and pumps are off",
        "`systemctl stop village-edge`: valves, pumps and switches go off, lights stay as they are",
        "network unplugged: lights follow their programs; plugged in again: the phone shows the states",
    ),
}
