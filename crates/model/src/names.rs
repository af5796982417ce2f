//! One way to write an enum that has a stable name in the database, the API and the address bar.

/// Declares an enum with its stable names: `ALL`, `as_str`, `parse`, serde and OpenAPI agree by construction.
macro_rules! names {
    ($(#[doc = $doc:literal])* $type:ident { $($(#[$case_doc:meta])* $case:ident = $name:literal),+ $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $type { $($(#[$case_doc])* #[serde(rename = $name)] $case),+ }

        impl $type {
            /// Every one, in the order they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$case),+];

            /// As stored, and as the API writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $name),+ }
            }

            /// The one of that name.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($name => Some(Self::$case),)+ _ => None }
            }
        }

        // Not derived: the derive can't read names that come from a macro, and would document the Rust ones.
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some(concat!($($doc),*).trim()))
                    .enum_values(Some([$($name),+]))
                    .into()
            }
        }

        impl utoipa::ToSchema for $type {}

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use names;
