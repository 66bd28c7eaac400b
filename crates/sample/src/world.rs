//! The world of a lake: everything that is small enough to hold, made once, before any file.

use crate::accounts::{self, Account, account_id};
use crate::calendar::{Day, Window, date_of, day_of};
use crate::campaigns::{self, Campaigns};
use crate::contacts::{self, Contacts};
use crate::deals::{self, Book};
use crate::fx::{self, FxRates};
use crate::owners::{self, Owners};
use crate::write::FilePlan;
use crate::{SampleError, SampleOptions, funnel, health, money, reference, surveys, touchpoints};

/// Accounts, people, campaigns and deals of a lake, as its last day and the future beyond it will show them.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) options: SampleOptions,
    pub(crate) window: Window,
    pub(crate) fx: FxRates,
    pub(crate) owners: Owners,
    pub(crate) accounts: Vec<Account>,
    pub(crate) account_ids: Vec<String>,
    pub(crate) contacts: Contacts,
    pub(crate) campaigns: Campaigns,
    pub(crate) book: Book,
}

impl World {
    pub(crate) fn new(options: &SampleOptions) -> Result<Self, SampleError> {
        let seed = options.seed;
        let window = Window::new(options.months, options.until)?;
        let fx = FxRates::new(seed, &window);
        let owners = Owners::new(seed, options.accounts);
        let mut accounts: Vec<Account> =
            (0..options.accounts as usize).map(|index| Account::new(seed, index, &window, &owners, &fx)).collect();
        let contacts = Contacts::new(seed, &accounts, &window);
        let campaigns = Campaigns::new(seed, &accounts, &window);
        let book = deals::simulate(seed, &mut accounts, &window, &owners, &fx);
        Ok(Self {
            seed,
            options: options.clone(),
            window,
            fx,
            owners,
            account_ids: (0..options.accounts).map(account_id).collect(),
            accounts,
            contacts,
            campaigns,
            book,
        })
    }

    /// A plan for every file of the lake. The big ones come first, so that no worker ends alone with one.
    pub(crate) fn files(&self) -> Vec<FilePlan<'_>> {
        let mut plans = touchpoints::files(self);
        plans.extend(contacts::files(self, self.options.contact_snapshots));
        plans.extend(health::files(self));
        plans.extend(money::files(self));
        plans.extend(deals::files(self));
        plans.extend(funnel::files(self));
        plans.extend(campaigns::files(self));
        plans.extend(surveys::files(self));
        plans.extend(accounts::files(self));
        plans.extend(owners::files(self));
        plans.extend(fx::files(self));
        plans.extend(reference::files(self));
        plans
    }

    /// The last day of every month of the window; the last is the lake's last day.
    pub(crate) fn month_ends(&self) -> Vec<Day> {
        self.window.months.iter().map(|month| month.last).collect()
    }

    /// The two days on which the slowly changing tables are copied: a month before the end, and the end.
    pub(crate) fn snapshot_days(&self) -> Vec<Day> {
        let last = self.window.last();
        let earlier = date_of(last).saturating_sub(jiff::Span::new().months(1));
        vec![day_of(earlier), last]
    }
}
