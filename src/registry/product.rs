//! Products: fleets of devices that share hooks.

use serde::Deserialize;
use serde::Serialize;

use crate::model::ProductId;
use crate::model::UserId;
use crate::model::WallTime;

/// A fleet of devices of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its number.
    pub id: ProductId,
    /// Whose it is.
    pub owner: UserId,
    /// Its name; 1 to [`Product::NAME_CHARS`] characters.
    pub name: String,
    /// Its name in paths: lower-case letters, digits and dashes, unique in the gateway, never a number.
    pub slug: String,
    /// What it is; at most [`Product::DESCRIPTION_CHARS`] characters.
    pub description: String,
    /// The platform of its devices, as Particle numbers them; carried without effect.
    pub platform_id: u32,
    /// When it was created.
    pub created_at: WallTime,
}

/// What can be said about a product when it is created or edited; what is not said stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductChange {
    /// See [`Product::name`].
    pub name: Option<String>,
    /// See [`Product::description`].
    pub description: Option<String>,
    /// See [`Product::platform_id`].
    pub platform_id: Option<u32>,
}

impl Product {
    /// Characters of a name. Ours.
    pub const NAME_CHARS: usize = 64;
    /// Characters of a description. Ours.
    pub const DESCRIPTION_CHARS: usize = 2_000;

    /// Whether a path that says `id_or_slug` means this product.
    pub fn is_called(&self, id_or_slug: &str) -> bool {
        self.slug == id_or_slug || id_or_slug.parse() == Ok(self.id)
    }
}

/// A name as it can stand in a path. Not yet unique.
pub(super) fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    let is_number = slug.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { format!("product-{slug}").trim_end_matches('-').to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_can_stand_in_a_path_and_is_no_number() {
        for (name, slug) in [
            ("Green House", "green-house"),
            ("  a/b?c  ", "a-b-c"),
            ("Küche 2", "k-che-2"),
            ("4242", "product-4242"),
            ("温室", "product"),
        ] {
            assert_eq!(slug_of(name), slug, "{name}");
        }
    }
}
