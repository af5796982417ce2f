//! The icons that the console uses, by Muster's own names, as one sprite.
//!
//! The drawings are Lucide's, compiled in as constants. A template names one with `ui::icon("lock")`; a name that is
//! missing here fails the gallery's test.

use std::fmt::Write as _;

use icondata_core::IconData;
use icondata_lu as lucide;

/// Name in the templates and drawing. Alphabetical.
pub(crate) static ICONS: &[(&str, &IconData)] = &[
    ("account", lucide::LuCircleUserRound),
    ("alert", lucide::LuTriangleAlert),
    ("applications", lucide::LuBlocks),
    ("archive", lucide::LuArchive),
    ("back", lucide::LuChevronLeft),
    ("building", lucide::LuBuilding2),
    ("check", lucide::LuCheck),
    ("clock", lucide::LuClock),
    ("close", lucide::LuX),
    ("compare", lucide::LuColumns2),
    ("copy", lucide::LuCopy),
    ("dash", lucide::LuMinus),
    ("desktop", lucide::LuMonitor),
    ("devices", lucide::LuMonitorSmartphone),
    ("done", lucide::LuCircleCheck),
    ("down", lucide::LuArrowDown),
    ("download", lucide::LuDownload),
    ("edit", lucide::LuPencil),
    ("enter", lucide::LuCornerDownLeft),
    ("erase", lucide::LuFlame),
    ("expand", lucide::LuChevronDown),
    ("eye", lucide::LuEye),
    ("eye-off", lucide::LuEyeOff),
    ("filter", lucide::LuListFilter),
    ("group", lucide::LuLayers),
    ("help", lucide::LuCircleHelp),
    ("info", lucide::LuInfo),
    ("key", lucide::LuKeyRound),
    ("lock", lucide::LuLock),
    ("log", lucide::LuScrollText),
    ("mail", lucide::LuMail),
    ("menu", lucide::LuMenu),
    ("minus", lucide::LuCircleMinus),
    ("more", lucide::LuEllipsis),
    ("nest", lucide::LuFolderInput),
    ("next", lucide::LuChevronRight),
    ("no-match", lucide::LuSearchX),
    ("password", lucide::LuLockKeyhole),
    ("pause", lucide::LuCirclePause),
    ("phone", lucide::LuSmartphone),
    ("plus", lucide::LuPlus),
    ("problem", lucide::LuCircleAlert),
    ("program", lucide::LuTerminal),
    ("reactivate", lucide::LuUserCheck),
    ("restore", lucide::LuArchiveRestore),
    ("retry", lucide::LuRefreshCw),
    ("roles", lucide::LuShieldCheck),
    ("search", lucide::LuSearch),
    ("settings", lucide::LuSettings),
    ("shield", lucide::LuShieldAlert),
    ("shortcuts", lucide::LuCommand),
    ("sign-out", lucide::LuLogOut),
    ("sort", lucide::LuChevronsUpDown),
    ("tablet", lucide::LuTablet),
    ("trash", lucide::LuTrash2),
    ("unlock", lucide::LuLockOpen),
    ("up", lucide::LuArrowUp),
    ("user", lucide::LuUserRound),
    ("user-minus", lucide::LuUserRoundMinus),
    ("user-plus", lucide::LuUserRoundPlus),
    ("users", lucide::LuUsers),
];

/// One SVG document with a symbol per icon. Strokes are left to the style sheet.
pub(crate) fn sprite() -> String {
    let mut svg = String::from(r#"<svg xmlns="http://www.w3.org/2000/svg">"#);
    for (name, icon) in ICONS {
        let view_box = icon.view_box.unwrap_or("0 0 24 24");
        // Writing to a string can't fail.
        let _ = write!(svg, r#"<symbol id="{name}" viewBox="{view_box}">{}</symbol>"#, icon.data);
    }
    svg.push_str("</svg>");
    svg
}
