//! Pages (AIP-158): a size with a bound, and a token that is good for one list with
//! the same arguments only.

use std::mem::take;

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    error::Error,
    grpc::parse::Violations,
    keys::Keys,
    proto::v1::{self as pb},
};

/// The size of a page nobody asked for.
const PAGE_SIZE_DEFAULT: i32 = 50;
/// The largest page.
const PAGE_SIZE_MAX: i32 = 500;
/// A page ends when it holds so many bytes, whatever its size.
const PAGE_BYTES_MAX: usize = 512 * 1024;

fn seal(keys: &Keys, bound_to: &[u8], cursor: &impl Serialize) -> Result<String, Error> {
    let cursor = serde_json::to_vec(cursor).map_err(|e| Error::Internal(e.to_string()))?;
    keys.seal_page_token(bound_to, &cursor).map_err(|e| Error::Internal(e.to_string()))
}

fn open<T: DeserializeOwned>(
    keys: &Keys,
    bound_to: &[u8],
    token: &str,
) -> Result<Option<T>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let opened = keys.open_page_token(bound_to, token);
    let bytes = opened.map_err(|_| Error::PageTokenInvalid)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|_| Error::PageTokenInvalid)
}

/// A list's request. What it asks for stays the same from page to page; how much at a
/// time, and how far the ledger must have come, may change.
pub(super) trait Listing: prost::Message + Clone {
    /// The list's name.
    const NAME: &'static str;
    /// Takes page size, page token and least seq out; what is left is what it asks for.
    fn take_paging(&mut self) -> (i32, String, u64);
}

macro_rules! listings {
    ($($request:ident),* $(,)?) => {
        $(impl Listing for pb::$request {
            const NAME: &'static str = stringify!($request);

            fn take_paging(&mut self) -> (i32, String, u64) {
                let token = take(&mut self.page_token);
                (take(&mut self.page_size), token, take(&mut self.at_least_seq))
            }
        })*
    };
}

/// One person's entries lie in many ledgers: it waits for none of them.
impl Listing for pb::LookupPersonRequest {
    const NAME: &'static str = "LookupPersonRequest";

    fn take_paging(&mut self) -> (i32, String, u64) {
        (take(&mut self.page_size), take(&mut self.page_token), 0)
    }
}

/// Work lies in many ledgers: it waits for none of them.
impl Listing for pb::ListMyWorkRequest {
    const NAME: &'static str = "ListMyWorkRequest";

    fn take_paging(&mut self) -> (i32, String, u64) {
        (take(&mut self.page_size), take(&mut self.page_token), 0)
    }
}

listings!(
    ListAreasRequest,
    ListMunicipalitiesRequest,
    ListOfficesRequest,
    ListMeasureTypesRequest,
    ListProvidersRequest,
    ListDistributionKeysRequest,
    ListCapacitiesRequest,
    ListPlaceBudgetsRequest,
    ListQuotasRequest,
    ListWaitlistEntriesRequest,
    ListOffersRequest,
    ListPlacementsRequest,
    ListAccessGrantsRequest,
    ListStaffLinksRequest,
    ListHostAgreementsRequest,
    ListPlansRequest,
    ListChangesRequest,
);

/// A page as asked for.
pub(super) struct Page {
    /// At most so many rows.
    pub(super) size: usize,
    /// How far the ledger must have come.
    pub(super) at_least_seq: u64,
    token: String,
    /// A digest of what is asked for, which may name a person.
    bound_to: [u8; 32],
}

impl Page {
    /// Reads how a list is to be paged.
    pub(super) fn parse<Q: Listing>(v: &mut Violations, request: &Q) -> Option<Self> {
        let mut what = request.clone();
        let (page_size, token, at_least_seq) = what.take_paging();
        let what = Zeroizing::new(what.encode_to_vec());
        let bound_to = Sha256::new().chain_update(Q::NAME).chain_update(b"/").chain_update(&*what);
        let bound_to = bound_to.finalize().into();
        let size = if page_size == 0 { PAGE_SIZE_DEFAULT } else { page_size };
        let size = v.within("page_size", size, 1, PAGE_SIZE_MAX)?;
        let size = usize::try_from(size).ok()?;
        Some(Self { size, at_least_seq, token, bound_to })
    }

    /// The key of the last row of the page before; `None` for the first page.
    pub(super) fn after<K: DeserializeOwned>(&self, keys: &Keys) -> Result<Option<K>, Error> {
        open(keys, &self.bound_to, &self.token)
    }

    /// How many rows tell what stands on this page and whether there is another.
    pub(super) fn rows_to_read(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// The token of the page behind a row.
    pub(super) fn token(&self, keys: &Keys, last: &impl Serialize) -> Result<String, Error> {
        seal(keys, &self.bound_to, last)
    }

    /// Of all rows of a list in the order of their keys, those that stand on this page, and
    /// the token of the next page.
    pub(super) fn cut<T, K, A>(
        &self,
        keys: &Keys,
        rows: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> K,
        answer: impl Fn(T) -> A,
    ) -> Result<(Vec<A>, String), Error>
    where
        K: Ord + Serialize + DeserializeOwned,
        A: prost::Message,
    {
        let after: Option<K> = self.after(keys)?;
        let stood_before = |row: &T| after.as_ref().is_some_and(|after| key(row) <= *after);
        self.fill(keys, rows.into_iter().skip_while(stood_before), &key, answer)
    }

    /// Of rows that begin where this page does, those that stand on it: the first ones. And
    /// the token of the next page.
    pub(super) fn fill<T, K: Serialize, A: prost::Message>(
        &self,
        keys: &Keys,
        rows: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> K,
        answer: impl Fn(T) -> A,
    ) -> Result<(Vec<A>, String), Error> {
        let mut shown = Vec::new();
        let (mut last, mut bytes) = (None, 0);
        for row in rows {
            let (own, one) = (key(&row), answer(row));
            bytes += one.encoded_len();
            let full = shown.len() >= self.size || bytes > PAGE_BYTES_MAX;
            if let Some(last) = last.filter(|_| full) {
                return Ok((shown, self.token(keys, &last)?));
            }
            last = Some(own);
            shown.push(one);
        }
        Ok((shown, String::new()))
    }
}

/// A list that asks for nothing but a page.
pub(super) fn parse<Q: Listing>(request: &Q) -> Result<Page, Error> {
    let mut v = Violations::default();
    let page = Page::parse(&mut v, request);
    v.finish(page)
}
