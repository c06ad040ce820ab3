//! CSV of the cloud log forwarder (Strata Logging Service, Prisma Access): the columns are those of its other formats in the default
//! order, begin with an ISO time and have no reserved ones.
//!
//! Filters that were made before the forwarder's change of 2020 write the firewall's own layout with ISO times; those lines begin with
//! `1,` and are the firewall CSV's business. Whoever chose columns of his own for a filter has a layout that nobody can know.

use super::keys::{self, Vocabulary};
use super::sheet::{Filled, Sheet};
use super::{Named, NamedFormat, log_type};
use crate::panos::columns::Columns;
use crate::panos::layout::{self, Unparsed};
use crate::panos::log_type::LogType;
use crate::syslog::header;

/// Positions of type and subtype: there is no reserved column before.
const TYPE: usize = 2;
const SUBTYPE: usize = 3;

pub(super) fn recognise(text: &str) -> Option<Result<Named, Unparsed>> {
    let start = header::find_cloud_csv(text)?;
    let name = text[start..].split(',').nth(TYPE).unwrap_or_default();
    Some(match log_type(name) {
        Some(log_type) if keys::cloud_order(log_type, "").is_some() => Ok(Named { format: NamedFormat::CloudCsv, start, log_type }),
        Some(_) => Err(Unparsed::CloudLayout),
        None => Err(layout::unknown_type(name)),
    })
}

pub(super) fn fill(text: &str, log_type: &'static LogType) -> Filled {
    let columns = Columns::split(text);
    let order = keys::cloud_order(log_type, columns.raw(SUBTYPE)).unwrap_or_default();
    let mut sheet = Sheet::new(log_type, Vocabulary::Cloud);
    let mut names = order.iter().flat_map(|it| it.iter());
    for index in 0..columns.len() {
        let text = columns.text(index);
        match names.next() {
            Some(name) => sheet.put(name, text),
            // Columns of a newer release.
            None => sheet.put(&format!("column{index}"), text),
        }
    }
    sheet.finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{columns, filled};
    use super::*;

    #[test]
    fn columns_lead_to_the_firewalls() {
        let filled = filled(
            "<14>1 2021-10-27T19:21:00.034Z s logforwarder - panwlogs - 2021-10-27T19:20:59.000000Z,no-serial,TRAFFIC,end,10.0,2021-10-27T19:20:40.000000Z,\
             192.0.2.12,192.0.2.18,,,\"my, rule\",,,ssl,vsys1,In,Out,,,,170172,1,42493,80,46254,80,tcp,allow,892",
        );
        let expected = [
            "0=1",
            "1=2021-10-27T19:20:59.000000Z",
            "2=no-serial",
            "3=TRAFFIC",
            "4=end",
            "5=2560",
            "6=2021-10-27T19:20:40.000000Z",
            "7=192.0.2.12",
            "8=192.0.2.18",
            "11=my, rule",
            "14=ssl",
            "15=vsys1",
            "16=In",
            "17=Out",
            "22=170172",
            "23=1",
            "24=42493",
            "25=80",
            "26=46254",
            "27=80",
            "29=tcp",
            "30=allow",
            "31=892",
        ];
        assert_eq!(columns(&filled), expected);
    }

    #[test]
    fn types_without_a_known_order_say_so() {
        let line = |kind: &str| recognise(&format!("2021-10-27T19:20:59.000000Z,no-serial,{kind},x,10.0")).unwrap().unwrap_err();
        assert_eq!(line("HIPMATCH"), Unparsed::CloudLayout);
        assert_eq!(line("WEATHER").to_string(), "unknown log type WEATHER");
        assert!(recognise("2021-10-27 text").is_none());
    }
}
