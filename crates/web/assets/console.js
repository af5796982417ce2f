// The console's script: makes pages that already work quicker to use. Each concern is a module; they share no state.
import { start as startFragments } from "./fragments.js";
import { start as startDialogs } from "./dialogs.js";
import { start as startMenus } from "./menus.js";
import { start as startKeyboard } from "./keyboard.js";
import { start as startPalette } from "./palette.js";
import { start as startLeaving } from "./leaving.js";
import { start as startPasswords } from "./passwords.js";
import { start as startBegun } from "./begun.js";
import { enhance, start as startControls } from "./controls.js";

startControls();
startFragments();
startDialogs();
startMenus();
startKeyboard();
startPalette();
startPasswords();
startBegun();
startLeaving();
enhance(document);
