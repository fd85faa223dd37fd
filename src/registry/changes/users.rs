//! Changes of users.

use std::sync::Arc;

use crate::model::Device;
use crate::model::HookId;
use crate::model::ProductId;
use crate::model::SecretName;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::OtpSecret;
use crate::registry::PasswordHash;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Role;
use crate::registry::Snapshot;
use crate::registry::User;
use crate::registry::UserName;
use crate::registry::changes::USERS;
use crate::registry::changes::devices;
use crate::registry::changes::hooks;
use crate::registry::changes::products;
use crate::registry::changes::secret_key;
use crate::registry::changes::tokens;
use crate::store::MetaChanges;

/// Users of one gateway. Ours.
const MAX_USERS: usize = 100;

impl Registry {
    /// Makes the owner, to whom everything belongs that was made at the local command line before.
    ///
    /// # Errors
    /// When there is one already, or the disk refuses.
    pub fn claim(&self, name: UserName, password: PasswordHash, now: WallTime) -> Result<Arc<User>, RegistryError> {
        self.change(|snapshot, rows| {
            if snapshot.is_claimed() {
                return Err(RegistryError::Claimed);
            }
            free_name(snapshot, &name)?;
            let owner = User { id: self.owner(), name, password, role: Role::Owner, created_at: now, otp: None };
            Ok(put(snapshot, rows, owner))
        })
    }

    /// Adds a member.
    ///
    /// # Errors
    /// When the name is taken, there are too many, or the disk refuses.
    pub fn add_user(&self, name: UserName, password: PasswordHash, now: WallTime) -> Result<Arc<User>, RegistryError> {
        self.change(|snapshot, rows| {
            free_name(snapshot, &name)?;
            if snapshot.users.len() >= MAX_USERS {
                return Err(RegistryError::TooMany { what: "users", limit: MAX_USERS });
            }
            let id = self.chance.user_id();
            let user = User { id, name, password, role: Role::Member, created_at: now, otp: None };
            Ok(put(snapshot, rows, user))
        })
    }

    /// Gives a user another password, and ends all their tokens and clients: whoever had the old one is out. `shown` is
    /// the password that was shown for it; none for who needs none.
    ///
    /// # Errors
    /// When there is no such user or they have another password by now, or the disk refuses.
    pub fn set_password(
        &self,
        id: UserId,
        shown: Option<&PasswordHash>,
        password: PasswordHash,
    ) -> Result<Arc<User>, RegistryError> {
        self.change(|snapshot, rows| {
            let user = User { password, ..User::clone(find_proven(snapshot, id, shown)?) };
            tokens::remove_all(snapshot, rows, id);
            tokens::remove_clients(snapshot, rows, id);
            Ok(put(snapshot, rows, user))
        })
    }

    /// Says from what a user's one-time passwords are made; none to be content with the password. `shown` is as there.
    ///
    /// # Errors
    /// When there is no such user or they have another password by now, or the disk refuses.
    pub fn set_otp(
        &self,
        id: UserId,
        shown: Option<&PasswordHash>,
        otp: Option<OtpSecret>,
    ) -> Result<Arc<User>, RegistryError> {
        self.change(|snapshot, rows| {
            let user = User { otp, ..User::clone(find_proven(snapshot, id, shown)?) };
            Ok(put(snapshot, rows, user))
        })
    }

    /// As [`Self::set_otp`], of a user who has no one-time passwords.
    ///
    /// # Errors
    /// When the user has some, there is no such user, or the disk refuses.
    pub fn add_otp(&self, id: UserId, otp: OtpSecret) -> Result<Arc<User>, RegistryError> {
        self.change(|snapshot, rows| {
            let user = find(snapshot, id)?;
            if user.otp.is_some() {
                return Err(RegistryError::HasOtp);
            }
            let user = User { otp: Some(otp), ..User::clone(user) };
            Ok(put(snapshot, rows, user))
        })
    }

    /// Removes a member with everything that is theirs; their devices are released. `shown` is as there.
    ///
    /// # Errors
    /// When there is no such user or they have another password by now, it is the owner, or the disk refuses.
    pub fn remove_user(&self, id: UserId, shown: Option<&PasswordHash>) -> Result<Arc<User>, RegistryError> {
        self.change(|snapshot, rows| {
            let user = Arc::clone(find_proven(snapshot, id, shown)?);
            if user.role == Role::Owner {
                return Err(RegistryError::IsOwner);
            }
            remove_things(snapshot, rows, id);
            rows.remove(format!("{USERS}{id}"));
            snapshot.users.remove(&id);
            Ok(user)
        })
    }
}

fn remove_things(snapshot: &mut Snapshot, rows: &mut MetaChanges, user: UserId) {
    tokens::remove_all(snapshot, rows, user);
    let products: Vec<ProductId> = snapshot.products_of(user).map(|product| product.id).collect();
    for product in products {
        products::delete(snapshot, rows, product);
    }
    let hooks: Vec<HookId> = snapshot.hooks_of(user).map(|hook| hook.id).collect();
    for hook in hooks {
        hooks::delete(snapshot, rows, hook);
    }
    let devices: Vec<Arc<Device>> = snapshot.devices_of(user).cloned().collect();
    for device in &devices {
        devices::release(snapshot, rows, device);
    }
    let secrets: Vec<SecretName> = snapshot.secrets_of(user).keys().cloned().collect();
    for name in secrets {
        rows.remove(secret_key(user, &name));
    }
    snapshot.secrets.remove(&user);
    tokens::remove_clients(snapshot, rows, user);
}

fn free_name(snapshot: &Snapshot, name: &UserName) -> Result<(), RegistryError> {
    match snapshot.user(name.as_str()) {
        Some(_) => Err(RegistryError::UserTaken { name: name.clone() }),
        None => Ok(()),
    }
}

fn find(snapshot: &Snapshot, id: UserId) -> Result<&Arc<User>, RegistryError> {
    snapshot.users.get(&id).ok_or_else(|| RegistryError::NoUser { wanted: id.to_string() })
}

/// The user, if the password that was shown, if one was, is still theirs.
fn find_proven<'a>(
    snapshot: &'a Snapshot,
    id: UserId,
    shown: Option<&PasswordHash>,
) -> Result<&'a Arc<User>, RegistryError> {
    let user = find(snapshot, id)?;
    let is_same = shown.is_none_or(|shown| user.password == *shown);
    if is_same { Ok(user) } else { Err(RegistryError::PasswordChanged) }
}

fn put(snapshot: &mut Snapshot, rows: &mut MetaChanges, user: User) -> Arc<User> {
    rows.put(format!("{USERS}{}", user.id), &user);
    let user = Arc::new(user);
    snapshot.users.insert(user.id, Arc::clone(&user));
    user
}
