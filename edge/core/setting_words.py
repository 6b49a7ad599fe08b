"""What is said while a device is given another address or speed, in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.diagnosis_terms import Language, Words

_WORDS: Mapping[str, Words] = {
    "there": Words(
        "Ở địa chỉ {old} ({setting}) có một {model}: {figures}.",
        "At address {old} ({setting}) is {model}: {figures}.",
    ),
    "address": Words(
        "Sẽ đổi địa chỉ của nó từ {old} thành {new}, bằng khung {frame}.",
        "Its address is to change from {old} to {new}, by the frame {frame}.",
    ),
    "speed": Words(
        "Sẽ đổi tốc độ của nó từ {setting} thành {new} baud, bằng khung {frame}.",
        "Its speed is to change from {setting} to {new} baud, by the frame {frame}.",
    ),
    "sdm": Words(
        "Công tơ SDM chỉ nhận khi đang ở chế độ cài đặt: giữ nút trên mặt khoảng 3 giây đến khi hiện -SET-.",
        "An SDM takes it in its set mode only: hold the button on its face for about 3 s, until it shows -SET-.",
    ),
    "pzem": Words(
        "Ngoài địa chỉ, không có gì khác của nó thay đổi.",
        "Nothing of it changes but its address.",
    ),
    "undo": Words("Muốn trả lại như cũ: {command}", "To undo it: {command}"),
    "sure": Words(
        "Gõ y rồi Enter để ghi, phím khác để thôi: ",
        "Type y and Enter to write it, anything else to leave it: ",
    ),
    "left": Words("Không ghi gì.", "Nothing was written."),
    "absent": Words(
        "không đọc được một {model} ở địa chỉ {old} ({setting}): {error}. Không ghi gì; chạy doctor không có --set "
        "để biết vì sao",
        "no {model} can be read at address {old} ({setting}): {error}. Nothing was written; run doctor to see why",
    ),
    "shared": Words(
        "câu trả lời ở địa chỉ {old} có khi bị hỏng. Nếu hai thiết bị cùng địa chỉ, cả hai sẽ đổi: không ghi gì. Tháo "
        "dây một cái ra rồi làm lại",
        "answers at address {old} are damaged at times. If two devices share it, both would change: nothing was "
        "written. Disconnect one of them and try again",
    ),
    "taken": Words(
        "địa chỉ {new} đã có thiết bị trả lời. Không ghi gì; chọn địa chỉ khác, hoặc đổi thiết bị kia trước",
        "address {new} is taken: something answers there. Nothing was written; choose another, or move that one first",
    ),
    "refused": Words(
        "công tơ từ chối ({error}). Với SDM: giữ nút đến khi hiện -SET- rồi làm lại; SDM630 và SDM72 có khi phải đặt "
        "trong menu của nó (mật khẩu 1000)",
        "the meter refuses ({error}). On an SDM: hold the button until it shows -SET- and try again; an SDM630 or "
        "SDM72 may have to be set in its own menu (password 1000)",
    ),
    "done": Words(
        "Xong, đọc lại ở địa chỉ {at} ({setting}): {figures}.",
        "Done, and read back at address {at} ({setting}): {figures}.",
    ),
    "config": Words("Nhớ ghi vào cấu hình cho khớp.", "Let the configuration say the same."),
    "unchanged": Words(
        "thiết bị vẫn ở địa chỉ {old} ({setting}): nó chưa nhận, hoặc chỉ đổi khi được cấp điện lại. Cắt điện "
        "nó vài giây rồi chạy doctor; với SDM: giữ nút đến khi hiện -SET- rồi làm lại",
        "the device is still at address {old} ({setting}): it has not taken it, or changes only when it is switched on "
        "again. Take its power away for some seconds and run doctor; on an SDM, hold the button until it shows -SET- "
        "and try again",
    ),
    "restart": Words(
        "đã gửi, nhưng không thấy thiết bị ở chỗ cũ lẫn chỗ mới: cắt điện nó vài giây rồi chạy doctor --scan",
        "it was sent, but the device is heard neither as before nor as it should be: take its power away for some "
        "seconds, and run doctor --scan",
    ),
}  # fmt: skip


def say(language: Language, code: str, **facts: object) -> str:
    """The words of `code` with its facts."""
    words = _WORDS[code]
    return (words.vi if language == "vi" else words.en).format_map(facts)
