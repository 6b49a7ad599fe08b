"""What is said to the person who stands at the cabinet while outputs are switched, in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.diagnosis_terms import Language, Words

DIALOG: Mapping[str, Words] = {
    "begin": Words(
        "Sắp đóng thử {count} ngõ ra, từng cái một. Có người đứng ở tủ; không ai đang làm việc trên dây.",
        "{count} outputs are about to be switched, one at a time. Stand at the cabinet; nobody works on the wires.",
    ),
    "next": Words(
        "{output} ({name}), {place}: TẮT, BẬT {for_s} giây, TẮT.",
        "{output} ({name}), {place}: OFF, ON for {for_s} s, OFF.",
    ),
    "go": Words("  Enter = đóng, s = bỏ qua, q = thôi: ", "  Enter = go, s = skip, q = quit: "),
    "dry": Words(
        "  Bơm không bao giờ chạy khi mọi van đóng. Chỉ thử cuộn hút của contactor: NGẮT aptomat của động cơ trước.",
        "  A pump never runs with its valves shut: only the contactor's coil is tried. Switch the motor's breaker OFF.",
    ),
    "sure-dry": Words(
        "  Aptomat của động cơ đã ngắt? Gõ {word} rồi Enter để đóng, s = bỏ qua, q = thôi: ",
        "  Is the motor's breaker off? Type {word} and Enter to go, s = skip, q = quit: ",
    ),
    "dry-word": Words("ngat", "off"),
    "off": Words("  TẮT …", "  OFF …"),
    "on": Words("  BẬT …", "  ON …"),
    "off-again": Words("  TẮT.", "  OFF."),
    "moved": Words(
        "  Nó có đóng (sáng) lúc BẬT không? y = có, n = không, w = cái khác đóng: ",
        "  Did it click or light while ON? y = yes, n = no, w = another one did: ",
    ),
    "inverted": Words(
        "  Nó có đóng lúc TẮT, và nhả lúc BẬT không? y = có, n = không: ",
        "  Was it on while OFF, and off while ON? y = yes, n = no: ",
    ),
    "which": Words("  Cái nào đóng: ", "  Which one moved: "),
    "rest": Words(
        "  {output}: đèn phải nguội {for_s} giây trước khi bật lại …",
        "  {output}: the lamp cools for {for_s} s first …",
    ),
    "match-begin": Words(
        "Sắp bật {count} mạch, từng mạch một, và đọc {meters}: chừng {minutes} phút. Enter = bắt đầu, q = thôi: ",
        "{count} circuits are about to be switched, one at a time, and {meters} read: about {minutes} min. Enter = go, "
        "q = quit: ",
    ),
    "match-next": Words(
        "{output} ({name}): đọc, BẬT, đọc, TẮT, đọc …", "{output} ({name}): read, ON, read, OFF, read …"
    ),
    "match-pump": Words(
        "{output} ({name}) sẽ CHẠY tối đa {for_s} giây, mở {valve} trước. Aptomat của bơm đã đóng, có nước không? "
        "y = chạy, phím khác = bỏ qua: ",
        "{output} ({name}) will RUN for {for_s} s at most, with {valve} opened before it. Is its breaker on, is there "
        "water? y = run, anything else = skip: ",
    ),
    "no-valve": Words(
        "không van nào của nó mở được (bị khóa, hoặc cấu hình không ghi van nào)",
        "none of its valves may be opened (locked, or none is configured)",
    ),
    "tank": Words(
        "phao {tanks} không cho chạy, hoặc không đọc được", "the float {tanks} forbids it, or cannot be read"
    ),
    "not-right": Words("{output} chưa đúng: sửa trước đã", "{output} is not right yet: mend that first"),
    "no-meters": Words(
        "không có công tơ nào đọc được để so: thêm vào meters trong cấu hình",
        "there is no meter to be read: add one to meters of the configuration",
    ),
    "by-person": Words("người thử bỏ qua", "as the person said"),
    "left-on": Words(
        "KHÔNG TẮT ĐƯỢC: {what}. Cắt aptomat của nó NGAY, rồi chạy `village-edge safe --state …`",
        "NOT TURNED OFF: {what}. Switch its breaker off NOW, then run `village-edge safe --state …`",
    ),
    "no-state": Words(
        "Không có {path}: không biết gì đang bị khóa.", "{path} is not there: whether anything is locked is not known."
    ),
    "busy": Words(
        "bộ điều khiển đang chạy với {path}: dừng nó trước, `sudo systemctl stop village-edge`",
        "the controller works with {path}: stop it first, `sudo systemctl stop village-edge`",
    ),
    "yes": Words(
        "--yes với --outputs hay --match chỉ dùng cùng --sim: ở tủ thật phải có người nhìn",
        "--yes with --outputs or --match goes with --sim only: at a real cabinet somebody must look",
    ),
    "sheet": Words(
        "{path}: mở bằng trình duyệt, in, ghi nốt và ký", "{path}: open it in a browser, print it, fill it in, sign it"
    ),
}  # fmt: skip


def say(language: Language, code: str, **facts: object) -> str:
    """The words of `code` with its facts."""
    words = DIALOG[code]
    return (words.vi if language == "vi" else words.en).format_map(facts)
