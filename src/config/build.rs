//! Resolves `build` of a `[[rule]]`: the settings of CodeBuild projects.

use crate::domain::clone::projects::{
    BuildCache, BuildOverrides, BuildSettings, build_compute, build_image, build_timeout,
};

use crate::config::formats;
use crate::config::values::unless_wrong;
use crate::config::words::{Diagnostics, Table};

/// Reads the settings: those of all actions, and under `"Stage/Action"` those of one. `None` if a
/// value is wrong, which is reported.
pub(super) fn read(diagnostics: &Diagnostics<'_>, rule: &Table<'_, '_>) -> Option<BuildOverrides> {
    let table = rule.table("build");
    let all = settings(diagnostics, &table);
    let mut actions = Some(Vec::new());
    let own = table.tables_with('/');
    let names: Vec<String> = own.iter().map(|(name, _)| name.clone()).collect();
    for (name, action) in own {
        let path = formats::action(diagnostics, action.place(), &name);
        let own = settings(diagnostics, &action);
        action.finish();
        actions = actions.and_then(|mut read| {
            read.push((path?, own?));
            Some(read)
        });
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    table.finish_without(&names);
    Some(BuildOverrides {
        all: all?,
        actions: actions?,
    })
}

fn settings(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>) -> Option<BuildSettings> {
    let text = |key, accept: fn(String) -> Result<String, &'static str>| {
        let located = table.text(key);
        located.map(|located| diagnostics.record_error(&located.place, accept(located.value)))
    };
    let image = text("image", build_image);
    let compute = text("compute", build_compute);
    let privileged = table.flag("privileged").map(|located| located.value);
    let timeout = table
        .number("timeout")
        .map(|located| diagnostics.record_error(&located.place, build_timeout(located.value)));
    let cache = table.text("cache").map(|located| {
        let found = BuildCache::ALL
            .iter()
            .find(|(name, _)| *name == located.value);
        let what = "expected \"none\" or \"local\"";
        diagnostics
            .record_error(&located.place, found.ok_or(what))
            .map(|(_, cache)| *cache)
    });
    Some(BuildSettings {
        image: unless_wrong(image)?,
        compute: unless_wrong(compute)?,
        privileged,
        timeout: unless_wrong(timeout)?,
        cache: unless_wrong(cache)?,
    })
}
