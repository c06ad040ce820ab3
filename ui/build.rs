//! Turns the dashboard's sources into the files that the binary embeds: TSX to ES modules one by one (no bundle), imports to
//! the addresses under which the files are served, everything compressed. Needs no Node.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oxc::allocator::Allocator;
use oxc::codegen::{Codegen, CodegenOptions};
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::transformer::{JsxOptions, JsxRuntime, TransformOptions, Transformer};

/// Packages that sources may name, and where their vendored module is served.
const PACKAGES: &[(&str, &str)] = &[
    ("@preact/signals-core", "/ui/vendor/preact-signals-core.js"),
    ("@preact/signals", "/ui/vendor/preact-signals.js"),
    ("preact/hooks", "/ui/vendor/preact-hooks.js"),
    ("preact/jsx-runtime", "/ui/vendor/preact-jsx-runtime.js"),
    ("preact", "/ui/vendor/preact.js"),
];

fn main() -> Result<()> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for watched in ["web", "vendor", "build.rs"] {
        println!("cargo:rerun-if-changed={}", root.join(watched).display());
    }
    let mut assets: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for path in files(&root.join("web"))? {
        let name = path.strip_prefix(root.join("web"))?.to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(".tsx").or_else(|| name.strip_suffix(".ts")) {
            // Declarations are for the type checker only.
            if !name.ends_with(".d.ts") {
                let code = transpile(&path).with_context(|| format!("transpiling {name}"))?;
                assets.insert(format!("{stem}.js"), link(&code, &name)?.into_bytes());
            }
        } else {
            assets.insert(name, std::fs::read(&path)?);
        }
    }
    for path in files(&root.join("vendor"))? {
        let name = path.strip_prefix(&root)?.to_string_lossy().into_owned();
        if name.ends_with(".js") {
            let code = std::fs::read_to_string(&path)?;
            assets.insert(name.clone(), link(&code, &name)?.into_bytes());
        }
    }
    write_table(&out, &assets)
}

/// All files below a directory, sorted.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("listing {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

/// TypeScript with JSX to an ES module.
fn transpile(path: &Path) -> Result<String> {
    let source = std::fs::read_to_string(path)?;
    let allocator = Allocator::default();
    let source_type = SourceType::from_path(path).map_err(|error| anyhow::anyhow!("{error}"))?;
    let parsed = Parser::new(&allocator, &source, source_type).parse();
    if let Some(error) = parsed.diagnostics.first() {
        bail!("{error}");
    }
    let mut program = parsed.program;
    let scoping = SemanticBuilder::new().with_excess_capacity(2.0).build(&program).semantic.into_scoping();
    let options = TransformOptions {
        jsx: JsxOptions { runtime: JsxRuntime::Automatic, import_source: Some("preact".to_owned()), ..JsxOptions::default() },
        ..TransformOptions::default()
    };
    let transformed = Transformer::new(&allocator, path, &options).build_with_scoping(scoping, &mut program);
    if let Some(error) = transformed.diagnostics.first() {
        bail!("{error}");
    }
    // Names stay as they are, so that a report from somebody's browser can be read; comments and blanks are a tenth of the first paint.
    Ok(Codegen::new().with_options(CodegenOptions::minify()).build(&program).code)
}

/// Rewrites what a module imports: packages to their vendored files, relative names to the files they become.
fn link(code: &str, name: &str) -> Result<String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, code, SourceType::mjs()).parse();
    if let Some(error) = parsed.diagnostics.first() {
        bail!("{name}: {error}");
    }
    let requests = parsed.module_record.requested_modules.iter().flat_map(|(specifier, places)| places.iter().map(move |it| (it.span, specifier)));
    let mut places: Vec<(usize, usize, String)> = Vec::new();
    for (span, specifier) in requests {
        places.push((span.start as usize, span.end as usize, format!("{:?}", target(specifier.as_str(), name)?)));
    }
    // Pages that are loaded when they are opened: `import("./pages/discover")`.
    for it in &parsed.module_record.dynamic_imports {
        let (start, end) = (it.module_request.start as usize, it.module_request.end as usize);
        let specifier = code[start..end].trim_matches(['"', '\'', '`']);
        places.push((start, end, format!("{:?}", target(specifier, name)?)));
    }
    places.sort();
    let mut out = String::with_capacity(code.len());
    let mut at = 0;
    for (start, end, text) in places {
        out.push_str(&code[at..start]);
        out.push_str(&text);
        at = end;
    }
    out.push_str(&code[at..]);
    Ok(out)
}

fn target(specifier: &str, name: &str) -> Result<String> {
    if let Some((_, address)) = PACKAGES.iter().find(|it| it.0 == specifier) {
        return Ok((*address).to_owned());
    }
    if specifier.starts_with('.') {
        let stem = specifier.trim_end_matches(".tsx").trim_end_matches(".ts").trim_end_matches(".js");
        return Ok(format!("{stem}.js"));
    }
    bail!("{name} imports [{specifier}], which is neither relative nor a vendored package")
}

/// Writes the files and a table of them.
fn write_table(out: &Path, assets: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    let dir = out.join("assets");
    std::fs::create_dir_all(&dir)?;
    let mut table = String::from("&[\n");
    for (number, (name, bytes)) in assets.iter().enumerate() {
        let media_type = match name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("json") => "application/json",
            _ => bail!("{name}: no media type for this ending"),
        };
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes)?;
        let gzip = encoder.finish()?;
        let plain_path = dir.join(number.to_string());
        let gzip_path = dir.join(format!("{number}.gz"));
        std::fs::write(&plain_path, bytes)?;
        std::fs::write(&gzip_path, &gzip)?;
        let smaller = if gzip.len() < bytes.len() { format!("Some(include_bytes!({gzip_path:?}))") } else { "None".to_owned() };
        writeln!(
            table,
            "    ({name:?}, Asset {{ content_type: {media_type:?}, etag: {:?}, cache_control: \"no-cache\", identity: include_bytes!({plain_path:?}), gzip: {smaller} }}),",
            format!("\"{:08x}-{:x}\"", crc32c::crc32c(bytes), bytes.len())
        )?;
    }
    table.push_str("]\n");
    std::fs::write(out.join("assets.rs"), table)?;
    Ok(())
}
