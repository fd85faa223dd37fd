//! Changes of products.

use std::sync::Arc;

use crate::model::Device;
use crate::model::HookId;
use crate::model::ProductId;
use crate::model::UserId;
use crate::model::WallTime;
use crate::model::spec;
use crate::registry::Product;
use crate::registry::ProductChange;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::changes::LAST_PRODUCT;
use crate::registry::changes::PRODUCTS;
use crate::registry::changes::devices;
use crate::registry::changes::hooks;
use crate::registry::product::slug_of;
use crate::store::MetaChanges;

/// Products of one user. Ours.
const MAX_PRODUCTS: usize = 50;

/// The number before the first product's. Particle's tools take small numbers for platforms.
const BEFORE_FIRST: u32 = 1_000;

impl Registry {
    /// Creates a product.
    ///
    /// # Errors
    /// When it has no name, its texts are too long, the user has too many, or the disk refuses.
    pub fn add_product(
        &self,
        owner: UserId,
        change: ProductChange,
        now: WallTime,
    ) -> Result<Arc<Product>, RegistryError> {
        self.change_of(owner, |snapshot, rows| {
            if snapshot.products_of(owner).count() >= MAX_PRODUCTS {
                return Err(RegistryError::TooMany { what: "products", limit: MAX_PRODUCTS });
            }
            let id = ProductId::from_number(snapshot.last_product.map_or(BEFORE_FIRST, ProductId::number) + 1);
            snapshot.last_product = Some(id);
            rows.put(LAST_PRODUCT.to_owned(), &id);
            let name = change.name.clone().unwrap_or_default();
            let product = Product {
                id,
                owner,
                slug: free_slug(snapshot, &slug_of(&name)),
                name: String::new(),
                description: String::new(),
                platform_id: spec::PLATFORM,
                created_at: now,
            };
            Ok(put(snapshot, rows, changed(product, ProductChange { name: Some(name), ..change })?))
        })
    }

    /// Changes what is said about a product. Its slug stays: addresses contain it.
    ///
    /// # Errors
    /// When there is no such product, its texts are too long, or the disk refuses.
    pub fn edit_product(&self, id: ProductId, change: ProductChange) -> Result<Arc<Product>, RegistryError> {
        self.change(|snapshot, rows| {
            let product = Product::clone(find(snapshot, id)?);
            Ok(put(snapshot, rows, changed(product, change)?))
        })
    }

    /// Deletes a product and its hooks; its devices stay their owner's.
    ///
    /// # Errors
    /// When there is no such product or the disk refuses.
    pub fn delete_product(&self, id: ProductId) -> Result<Arc<Product>, RegistryError> {
        self.change(|snapshot, rows| {
            let product = Arc::clone(find(snapshot, id)?);
            delete(snapshot, rows, id);
            Ok(product)
        })
    }
}

/// Whether a product, if there is one, is the user's.
pub(super) fn must_be_of(snapshot: &Snapshot, owner: UserId, product: Option<ProductId>) -> Result<(), RegistryError> {
    let Some(id) = product else { return Ok(()) };
    if find(snapshot, id)?.owner == owner { Ok(()) } else { Err(RegistryError::NoProduct { wanted: id.to_string() }) }
}

pub(super) fn delete(snapshot: &mut Snapshot, rows: &mut MetaChanges, id: ProductId) {
    rows.remove(format!("{PRODUCTS}{id}"));
    snapshot.products.remove(&id);
    let hooks: Vec<HookId> =
        snapshot.hooks.values().filter(|hook| hook.product == Some(id)).map(|hook| hook.id).collect();
    for hook in hooks {
        hooks::delete(snapshot, rows, hook);
    }
    let members: Vec<Arc<Device>> =
        snapshot.devices.values().filter(|device| device.product == Some(id)).cloned().collect();
    for device in members {
        devices::put(snapshot, rows, Device { product: None, ..Device::clone(&device) });
    }
}

fn changed(product: Product, change: ProductChange) -> Result<Product, RegistryError> {
    let name = change.name.map_or(product.name, |name| name.trim().to_owned());
    let description = change.description.unwrap_or(product.description);
    for (what, text, least, most) in
        [("name", &name, 1, Product::NAME_CHARS), ("description", &description, 0, Product::DESCRIPTION_CHARS)]
    {
        if !(least..=most).contains(&text.chars().count()) {
            return Err(RegistryError::ProductText { what, least, most });
        }
    }
    Ok(Product { name, description, platform_id: change.platform_id.unwrap_or(product.platform_id), ..product })
}

/// The slug, with a number behind it if another product has it.
fn free_slug(snapshot: &Snapshot, slug: &str) -> String {
    let is_free = |slug: &String| snapshot.products.values().all(|product| product.slug != *slug);
    let numbered = (2..).map(|number| format!("{slug}-{number}"));
    std::iter::once(slug.to_owned()).chain(numbered).find(is_free).expect("there are enough numbers")
}

fn find(snapshot: &Snapshot, id: ProductId) -> Result<&Arc<Product>, RegistryError> {
    snapshot.products.get(&id).ok_or_else(|| RegistryError::NoProduct { wanted: id.to_string() })
}

fn put(snapshot: &mut Snapshot, rows: &mut MetaChanges, product: Product) -> Arc<Product> {
    rows.put(format!("{PRODUCTS}{}", product.id), &product);
    let product = Arc::new(product);
    snapshot.products.insert(product.id, Arc::clone(&product));
    product
}
