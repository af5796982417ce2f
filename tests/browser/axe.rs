//! Asks axe-core whether a page can be used by everyone: WCAG 2.2 AA and axe's best practices.

use fantoccini::Client;
use fantoccini::error::CmdError;
use serde::Deserialize;
use serde_json::json;
use std::fmt;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.cache/axe-core/axe.min.js");

const TAGS: [&str; 7] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

/// What is in frames are mails, which run no script and so can't be asked.
///
/// `target-size` is the one rule of WCAG 2.2 that axe leaves off unless asked.
const RUN: &str = "
    const [tags, done] = arguments;
    axe.run(document, {
        runOnly: { type: 'tag', values: tags },
        rules: { 'target-size': { enabled: true } },
        resultTypes: ['violations'],
        iframes: false,
    }).then(found => done(found.violations), reason => done(String(reason)));
";

/// A rule that the page breaks, and where.
#[derive(Debug, Deserialize)]
pub(crate) struct Violation {
    /// The rule's name in axe, for example `color-contrast`.
    pub(crate) id: String,
    /// What the rule asks for.
    pub(crate) help: String,
    /// The elements that break it.
    pub(crate) nodes: Vec<Node>,
}

/// An element that breaks a rule.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    /// The element's opening tag, shortened by axe.
    pub(crate) html: String,
    /// What is wrong with it, several lines.
    #[serde(rename = "failureSummary", default)]
    pub(crate) summary: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.id, self.help)?;
        for node in &self.nodes {
            writeln!(f, "    {}\n        {}", node.html, node.summary.replace('\n', "\n        "))?;
        }
        Ok(())
    }
}

/// Runs axe-core on the page as it stands.
pub(crate) async fn run(client: &Client) -> Result<Vec<Violation>, CmdError> {
    if client.execute("return typeof axe === 'undefined'", vec![]).await? == json!(true) {
        let script = std::fs::read_to_string(SCRIPT)
            .unwrap_or_else(|_| panic!("{SCRIPT} is missing: run scripts/install-test-tools"));
        client.execute(&script, vec![]).await?;
    }
    let found = client.execute_async(RUN, vec![json!(TAGS)]).await?;
    serde_json::from_value(found).map_err(CmdError::Json)
}
