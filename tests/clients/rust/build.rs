//! Makes the client in `src/generated` of the OpenAPI document that `MUSTER_OPENAPI` names.

use std::{env, error::Error, fs};

use openapi_to_rust::{AuthConfig, CodeGenerator, GeneratorConfig, SchemaAnalyzer};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let document = env::var("MUSTER_OPENAPI")?;
    println!("cargo::rerun-if-env-changed=MUSTER_OPENAPI");
    println!("cargo::rerun-if-changed={document}");
    let mut document: Value = serde_json::from_str(&fs::read_to_string(&document)?)?;
    keep_one_success(&mut document);
    let mut analysis = SchemaAnalyzer::new(document)?.analyze()?;
    let generator = CodeGenerator::new(GeneratorConfig {
        output_dir: "src/generated".into(),
        enable_sse_client: false,
        tracing_enabled: false,
        auth_config: Some(AuthConfig::Bearer { header_name: "Authorization".to_owned() }),
        ..GeneratorConfig::default()
    });
    let client = generator.generate_all(&mut analysis)?;
    generator.write_files(&client)?;
    Ok(())
}

/// The generator knows one success of each operation, the first. Where there is another, 200 is a dry run's.
fn keep_one_success(document: &mut Value) {
    let operations = document["paths"].as_object_mut().into_iter().flatten();
    let operations = operations.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten());
    for (_, operation) in operations {
        let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) else { continue };
        if ["201", "202", "204"].iter().any(|status| answers.contains_key(*status)) {
            answers.remove("200");
        }
    }
}
