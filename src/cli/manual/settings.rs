//! The page farhook.toml(5), made from the configuration file that is shipped: a comment before keys is what is said of
//! them, a comment before a section is what is said of it.

use clap_mangen::roff::Roff;
use clap_mangen::roff::bold;
use clap_mangen::roff::roman;

/// Tests hold it against the schema: it has every key, commented out, at its default.
const SHIPPED: &str = include_str!("../../../etc/farhook/farhook.toml");

/// The page's text.
pub(super) fn page() -> String {
    let version = concat!("farhook ", env!("CARGO_PKG_VERSION"));
    let mut page = Roff::new();
    page.control("TH", ["farhook.toml", "5", "", version]);
    page.control("SH", ["NAME"]).text([roman("farhook.toml - configuration of the farhook webhook gateway")]);
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold("/etc/farhook/farhook.toml")]);
    page.control("br", []).text([bold("/etc/farhook/conf.d/*.toml")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman("The files are TOML. Every key is here, with its default.")]);
    let mut said = Vec::new();
    let mut keys = Vec::new();
    // The first line is of the file, not of the page. The blank line ends what stands last.
    for line in SHIPPED.lines().skip(1).chain([""]) {
        if let Some(section) = line.strip_prefix('[') {
            page.control("SH", [format!("SECTION [{section}").as_str()]);
            paragraph(&mut page, &mut said);
        } else if let Some(text) = line.strip_prefix("# ") {
            said.push(text);
        } else if line == "#" {
            paragraph(&mut page, &mut said);
        } else if let Some(key) = line.strip_prefix('#') {
            keys.push(key);
        } else if keys.is_empty() {
            paragraph(&mut page, &mut said);
        } else {
            entry(&mut page, &mut keys, &mut said);
        }
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("farhook-run"), roman("(1), "), bold("farhook-check-config"), roman("(1)")]);
    page.render()
}

fn paragraph(page: &mut Roff, said: &mut Vec<&str>) {
    if !said.is_empty() {
        page.control("PP", []);
        page.text(said.drain(..).map(|line| roman(format!("{line}\n"))).collect::<Vec<_>>());
    }
}

fn entry(page: &mut Roff, keys: &mut Vec<&str>, said: &mut Vec<&str>) {
    for (place, key) in keys.drain(..).enumerate() {
        page.control(if place == 0 { "TP" } else { "TQ" }, []).text([bold(key)]);
    }
    page.text([roman(said.join(" "))]);
    said.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn every_key_stands_in_the_page_with_its_default_and_its_section() {
        let page = page();
        for setting in Config::default().settings() {
            let (section, name) = setting.key.split_once('.').unwrap();
            let (_, after) = page.split_once(&format!(".SH \"SECTION [{section}]\"")).expect(section);
            let section = after.split(".SH").next().unwrap();
            let value = setting.value.replace('-', "\\-");
            assert!(section.contains(&format!("\\fB{name} = {value}\\fR\n")), "{}", setting.key);
        }
    }

    #[test]
    fn what_is_said_of_a_key_follows_it() {
        let expected =
            ".TP\n\\fBtimeout_s = 20\\fR\nSeconds that a target has to answer, connecting included (1 to 300).\n.TP";
        assert!(page().contains(expected), "{}", page());
        assert!(page().contains(".SH \"SECTION [limits]\"\n.PP\n"), "{}", page());
    }
}
