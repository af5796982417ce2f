//! The console's pages: handlers per noun beside this file, what they show in `view/`.

pub(crate) mod view;
