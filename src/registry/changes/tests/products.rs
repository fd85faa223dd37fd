//! Products: their slugs, their hooks, and their devices.

use super::*;

#[test]
fn no_two_products_of_the_gateway_have_the_same_slug() {
    let (_data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    let add = |user| registry.add_product(user, titled("Green House"), NOW).unwrap();
    let [first, second, third] = [owner, other, owner].map(add);
    assert_eq!(
        [&first, &second, &third].map(|product| product.slug.as_str()),
        ["green-house", "green-house-2", "green-house-3"]
    );
    assert!(first.id < second.id && second.id < third.id, "{first:?} {second:?} {third:?}");
    registry.delete_product(second.id).unwrap();
    assert_eq!(add(owner).slug, "green-house-2");
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.product_of(owner, "green-house"), Some(&first));
    assert_eq!(snapshot.product_of(owner, &first.id.to_string()), Some(&first));
    assert_eq!(snapshot.product_of(other, "green-house"), None);
}

#[test]
fn an_edited_product_keeps_its_slug_and_what_is_not_said() {
    let (data, registry) = empty();
    let change = ProductChange { description: Some("south".to_owned()), platform_id: Some(32), ..titled("Green") };
    let product = registry.add_product(registry.owner(), change, NOW).unwrap();
    let edited = registry.edit_product(product.id, titled("  Blue ")).unwrap();
    assert_eq!(*edited, Product { name: "Blue".to_owned(), ..Product::clone(&product) });
    let described = ProductChange { description: Some(String::new()), ..ProductChange::default() };
    let edited = registry.edit_product(product.id, described).unwrap();
    assert_eq!((edited.description.as_str(), edited.name.as_str(), edited.platform_id), ("", "Blue", 32));
    drop(registry);
    assert_eq!(open(data.path()).snapshot().products[&product.id], edited);
}

#[test]
fn a_product_needs_a_name_and_its_texts_are_bounded() {
    let (_data, registry) = empty();
    let owner = registry.owner();
    let product = registry.add_product(owner, titled(&"ü".repeat(Product::NAME_CHARS)), NOW).unwrap();
    let long = ProductChange { description: Some("x".repeat(Product::DESCRIPTION_CHARS + 1)), ..titled("a") };
    for bad in [ProductChange::default(), titled(" "), titled(&"x".repeat(Product::NAME_CHARS + 1)), long] {
        let refused = registry.add_product(owner, bad.clone(), NOW);
        assert!(matches!(refused, Err(RegistryError::ProductText { .. })), "{refused:?}");
        if bad != ProductChange::default() {
            let refused = registry.edit_product(product.id, bad);
            assert!(matches!(refused, Err(RegistryError::ProductText { .. })), "{refused:?}");
        }
    }
    assert_eq!(registry.snapshot().products.len(), 1);
}

#[test]
fn with_a_product_go_its_hooks_and_its_devices_stay_their_owners() {
    let (data, registry) = empty();
    let owner = registry.owner();
    let [green, blue] = ["Green", "Blue"].map(|name| registry.add_product(owner, titled(name), NOW).unwrap());
    let [kitchen, cellar] =
        ["kitchen", "cellar"].map(|name| registry.add_device(owner, Some(named(name)), None, NOW).unwrap());
    registry.move_devices(owner, &[kitchen.0.id], Some(green.id)).unwrap();
    registry.move_devices(owner, &[cellar.0.id], Some(blue.id)).unwrap();
    let hook_of = |product: Option<&Arc<Product>>| {
        let new =
            NewHook { product: product.map(|product| product.id), ..new_hook(&registry, definition("temp"), true) };
        registry.add_hook(new, NOW).unwrap().id
    };
    let [of_green, of_blue, own] = [hook_of(Some(&green)), hook_of(Some(&blue)), hook_of(None)];

    registry.delete_product(green.id).unwrap();

    let is_gone = |registry: &Registry| {
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.products.keys().collect::<Vec<_>>(), [&blue.id]);
        let hooks: Vec<_> = snapshot.hooks.keys().copied().collect();
        assert!(hooks.len() == 2 && hooks.contains(&of_blue) && hooks.contains(&own), "{of_green} is gone: {hooks:?}");
        assert_eq!(snapshot.devices[&kitchen.0.id], kitchen.0, "it is in no product, and else as it was");
        assert_eq!(snapshot.devices[&cellar.0.id].product, Some(blue.id));
        assert!(matches!(registry.delete_product(green.id), Err(RegistryError::NoProduct { .. })));
    };
    is_gone(&registry);
    drop(registry);
    is_gone(&open(data.path()));
}

#[test]
fn a_product_and_a_user_have_places_for_hooks_of_their_own() {
    let (_data, registry) = empty();
    let product = registry.add_product(registry.owner(), titled("Green"), NOW).unwrap().id;
    for product in [None, Some(product)] {
        let add = |event| registry.add_hook(NewHook { product, ..new_hook(&registry, definition(event), false) }, NOW);
        for event in ["a", "b", "c"] {
            add(event).unwrap();
        }
        let refused = add("d").unwrap_err();
        let of_whom = if product.is_none() { "a user can create" } else { "a product can have" };
        assert_eq!(refused.to_string(), format!("{of_whom} up to 3 webhooks, and there are 3; delete one first"));
    }
}

#[test]
fn only_devices_of_the_products_owner_come_into_it() {
    let (_data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    let product = registry.add_product(owner, titled("Green"), NOW).unwrap();
    let mine = registry.add_device(owner, Some(named("kitchen")), None, NOW).unwrap().0.id;
    let yours = registry.add_device(other, Some(named("kitchen")), None, NOW).unwrap().0.id;
    let moved = registry.move_devices(owner, &[yours, mine, DeviceId::from_bytes([9; 12])], Some(product.id)).unwrap();
    assert_eq!(moved.iter().map(|device| device.id).collect::<Vec<_>>(), [mine]);
    assert_eq!(registry.snapshot().devices[&yours].product, None);
}

#[test]
fn a_user_has_at_most_fifty_products() {
    let (data, registry) = empty();
    let owner = registry.owner();
    let first = registry.add_product(owner, titled("Green"), NOW).unwrap();
    let mut rows = MetaChanges::default();
    for number in 2..=50 {
        let id = ProductId::from_number(first.id.number() + number);
        rows.put(format!("{PRODUCTS}{id}"), &Product { id, slug: format!("p-{number}"), ..Product::clone(&first) });
    }
    registry.meta.apply(&rows).unwrap();
    drop(registry);
    let registry = open(data.path());
    let one_more = registry.add_product(owner, titled("x"), NOW);
    assert!(matches!(one_more, Err(RegistryError::TooMany { what: "products", limit: 50 })), "{one_more:?}");
    registry.add_product(member(&registry, "you").id, titled("x"), NOW).unwrap();
    registry.delete_product(first.id).unwrap();
    registry.add_product(owner, titled("x"), NOW).unwrap();
}
