"""What is said of outputs and the meters behind them, Vietnamese and English; see diagnosis_words.py."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.diagnosis_terms import Words

OUTPUTS: Mapping[str, Words] = {
    # --- pulses ---
    "pulse-right": Words("{place}: đóng và nhả đúng", "{place}: on and off as it should"),
    "pulse-inverted": Words(
        "{place}: ngược, đóng khi lệnh TẮT và nhả khi lệnh BẬT",
        "{place}: inverted, it is on when told OFF and off when told ON",
        ("dòng {line} của cấu hình: ghi `active: {active}` cho {key}", "sửa TRƯỚC khi bật bộ điều khiển"),
        ("line {line} of the configuration: write `active: {active}` for {key}",
         "correct it BEFORE the controller is started"),
    ),
    "coil-inverted": Words(
        "{place}: ngược, đóng khi lệnh TẮT và nhả khi lệnh BẬT",
        "{place}: inverted, it is on when told OFF and off when told ON",
        ("dây nằm ở tiếp điểm thường đóng (NC): chuyển sang thường mở (NO)", "sửa TRƯỚC khi bật bộ điều khiển"),
        ("the wire is on the normally closed contact (NC): move it to the normally open one (NO)",
         "correct it BEFORE the controller is started"),
    ),
    "pulse-nothing": Words(
        "{place}: không thấy gì đóng",
        "{place}: nothing moved",
        ("đèn báo trên bo rơ-le có sáng không: không thì xem dây điều khiển và nguồn của bo",
         "rơ-le có kêu mà contactor không hút: cuộn hút, cầu chì điều khiển",
         "đúng dây chưa: {key}, dòng {line} của cấu hình"),
        ("does the relay board's own LED light: if not, its wire or its supply",
         "the relay clicks and the contactor does not pull: its coil, the control fuse",
         "is it the right line: {key}, line {line} of the configuration"),
    ),
    "pulse-other": Words(
        "{place}: thứ đóng lại là {other}",
        "{place}: what moved is {other}",
        ("đổi chỗ hai dây, hoặc đổi hai `output` cho nhau trong cấu hình ({key}, dòng {line})", "rồi thử lại cả hai"),
        ("swap the two wires, or the two `output` in the configuration ({key}, line {line})", "then pulse both again"),
    ),
    "pulse-skipped": Words("{place}: bỏ qua, chưa thử", "{place}: skipped, not tried"),
    "pulse-locked": Words(
        "{place}: đang bị khóa để làm việc, không đóng",
        "{place}: locked by somebody who works on it, not switched",
        ("người khóa mở khóa xong thì thử lại",),
        ("try it again when whoever locked it has released it",),
    ),
    "pulse-failed": Words(
        "{place}: không đóng được: {error}",
        "{place}: it cannot be driven: {error}",
        ("nếu dây hay cổng bị giữ: dừng bộ điều khiển, `sudo systemctl stop village-edge`", "xem thêm --machine"),
        ("if a line or port is held: stop the controller, `sudo systemctl stop village-edge`", "see also --machine"),
    ),
    "pulse-unseen": Words(
        "{place}: đã đóng một lần, không ai nói thấy gì", "{place}: pulsed, and nobody said what was seen"
    ),
    "feedback-right": Words("tiếp điểm báo đi theo", "its feedback contact follows"),
    "feedback-inverted": Words(
        "tiếp điểm báo nói ngược",
        "its feedback contact says the contrary",
        ("đổi `active` của `feedback` trong cấu hình, hoặc dùng tiếp điểm thường mở (13–14)",),
        ("change `active` of its `feedback` in the configuration, or use the normally open contact (13–14)",),
    ),
    "feedback-dead": Words(
        "tiếp điểm báo không đi theo",
        "its feedback contact does not follow",
        ("dây của tiếp điểm phụ có chắc không, đúng đường GPIO chưa", "contactor có nguồn động lực không"),
        ("are the auxiliary contact's wires firm, and on the right line", "does the contactor really pull"),
    ),
    # --- meters ---
    "match-right": Words(
        "{meter} đổi {moved_w} W (định mức {rated_w} W): đúng",
        "{meter} moved by {moved_w} W (rated {rated_w} W): right",
    ),
    "match-power": Words(
        "{meter} đổi {moved_w} W, mà định mức là {rated_w} W",
        "{meter} moved by {moved_w} W, and the circuit is rated {rated_w} W",
        ("đếm đèn đang sáng; sửa `lamps` và `lamp_w` cho đúng ({key}, dòng {line})",
         "gấp nhiều lần: tỉ số biến dòng (CT) của công tơ"),
        ("count the lamps that burn; correct `lamps` and `lamp_w` ({key}, line {line})",
         "several times as much: the meter's CT ratio"),
    ),
    "match-other": Words(
        "{meter} không đổi; thay vào đó: {others}",
        "{meter} did not move; these did: {others}",
        ("nếu mạch đúng là nằm sau {other}: ghi `meter: {other}` ở dòng {line} của cấu hình ({key})",
         "nếu không: biến dòng hoặc dây của hai công tơ bị đổi chỗ, hoặc hai địa chỉ bị đổi"),
        ("if the circuit is behind {other}: write `meter: {other}` in line {line} of the configuration ({key})",
         "if it is not: the two meters' transformers, wires or addresses have changed places"),
    ),
    "match-none": Words(
        "không công tơ nào đổi ({meters})",
        "no meter moved ({meters})",
        ("đèn có sáng không: nếu không thì aptomat, contactor, cầu chì, dây",
         "đèn sáng mà công tơ không đổi: mạch nằm trước công tơ, hoặc biến dòng chưa nối",
         "công tắc tại tủ có ở vị trí bằng tay không"),
        ("did the lamps burn: if not, the breaker, the contactor, a fuse, the cable",
         "they burn and no meter moves: the circuit is before the meter, or a transformer is not connected",
         "does the cabinet's switch stand on hand"),
    ),
    "match-reversed": Words(
        "{meter} đổi {moved_w} W: công suất ÂM, biến dòng lắp ngược",
        "{meter} moved by {moved_w} W: NEGATIVE, its current transformer is the wrong way round",
        ("cắt điện, lật biến dòng của pha đó hoặc đổi hai dây S1, S2",),
        ("switch off, turn that phase's transformer round or swap its wires S1 and S2",),
    ),
    "match-also": Words(
        "ngoài ra cũng đổi: {others}",
        "these moved as well: {others}",
        ("công tơ tổng thì đúng; nếu không phải: có tải khác vừa bật, thử lại",),
        ("right for a meter of the whole; else something was switched meanwhile: try again",),
    ),
    "match-unnamed": Words(
        "cấu hình không ghi công tơ; {others}",
        "the configuration names no meter; {others}",
        ("ghi `meter: {other}` cho {key} (dòng {line})",),
        ("write `meter: {other}` for {key} (line {line})",),
    ),
    "match-none-expected": Words(
        "cấu hình không ghi công tơ, và không công tơ nào đổi", "the configuration names no meter, and none moved"
    ),
    "match-unread": Words(
        "không đọc được {meter}: không biết nó có đổi không",
        "{meter} cannot be read: whether it moved is not known",
        ("chạy doctor không có --match: nó nói vì sao",),
        ("run doctor without --match: it says why",),
    ),
    "match-failed": Words(
        "không đo được: {error}",
        "it could not be measured: {error}",
        ("thử riêng bằng --outputs; xem --machine",),
        ("try it alone with --outputs; see --machine",),
    ),
    "match-skipped": Words("bỏ qua, chưa đo: {error}", "skipped, not measured: {error}"),
    "match-locked": Words(
        "đang bị khóa để làm việc, không đóng", "locked by somebody who works on it, not switched",
    ),
}  # fmt: skip
