//! Sessions: what one account does, or is sent, in one go. Touches come in bursts, as they do in a tracking system.

use crate::calendar::Day;
use crate::rng::Rng;
use crate::world::World;

/// One touchpoint before it is written.
#[derive(Clone, Debug)]
pub(super) struct Touch {
    /// Second of the slot's day; may lie past the day's end until the slot is closed.
    pub(super) second: u32,
    pub(super) account: u32,
    /// [`NOBODY`] when the contact is unknown.
    pub(super) contact: u32,
    pub(super) kind: Kind,
    pub(super) channel: &'static str,
    pub(super) inbound: bool,
    pub(super) campaign: Option<u32>,
    pub(super) content: Option<u32>,
    /// Seconds.
    pub(super) duration: Option<u16>,
    /// Percent.
    pub(super) consumed: Option<u8>,
    pub(super) requested: bool,
}

/// Stands for a contact nobody knows.
pub(super) const NOBODY: u32 = u32::MAX;

/// Every kind of touchpoint of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    PageView,
    FormSubmit,
    Download,
    PremiumDownload,
    ContentView,
    EmailSent,
    EmailOpen,
    EmailClick,
    EmailReply,
    AdClick,
    SocialInteraction,
    LinkedinInteraction,
    MessageReply,
    Webinar,
    Event,
    ExclusiveEvent,
    DemoRequest,
    SalesCall,
    SalesMeeting,
    ProductUsage,
    SupportTicket,
    SuccessReview,
    Forward,
    Share,
    InternalMention,
    IntentCompetitor,
    IntentPricing,
    IntentTopic,
}

/// Appends the touches of one session of the account.
pub(super) fn sessions(world: &World, rng: &mut Rng, account: u32, day: Day, second: u32, touches: &mut Vec<Touch>) {
    let who = &world.accounts[account as usize];
    let customer = who.customer_since.is_some_and(|since| since <= day);
    let channel = rng.weighted(&[
        ("web", 0.34),
        ("email", 0.2),
        ("social", 0.11),
        ("ads", 0.06),
        ("event", 0.045),
        ("sales", 0.09),
        ("product", 0.08),
        ("viral", 0.035),
        ("intent", 0.05),
    ]);
    // Only customers have a product to use and a support desk to call.
    let channel = if channel == "product" && !customer { "web" } else { channel };
    let mut session = Session { world, rng, account, day, second, campaign: None, touches };
    session.campaign = session.campaign(channel);
    match channel {
        "email" => session.email(),
        "social" => session.social(),
        "ads" => session.advertisement(),
        "event" => session.gathering(who.abm),
        "sales" => session.sales(),
        "product" => session.product(),
        "viral" => session.word_of_mouth(),
        "intent" => session.intent(),
        _ => session.visit(),
    }
}

struct Session<'a> {
    world: &'a World,
    rng: &'a mut Rng,
    account: u32,
    day: Day,
    second: u32,
    campaign: Option<u32>,
    touches: &'a mut Vec<Touch>,
}

impl Session<'_> {
    /// A visit of the web site: pages, and sometimes what they lead to.
    fn visit(&mut self) {
        let contact = if self.rng.chance(0.055) { NOBODY } else { self.contact() };
        loop {
            let duration = self.rng.lognormal(48.0, 0.9).clamp(2.0, 1800.0) as u16;
            self.touch(Kind::PageView, "web", contact).duration = Some(duration);
            self.wait(15, 240);
            if self.rng.chance(0.42) {
                break;
            }
        }
        if self.rng.chance(0.3) {
            self.content(Kind::ContentView, contact);
        }
        if self.rng.chance(0.13) {
            let kind = if self.rng.chance(0.3) { Kind::PremiumDownload } else { Kind::Download };
            self.content(kind, contact);
        }
        if self.rng.chance(0.07) {
            let requested = self.rng.chance(0.2);
            self.touch(Kind::FormSubmit, "web", contact).requested = requested;
            self.wait(20, 200);
        }
        if self.rng.chance(0.022) {
            self.touch(Kind::DemoRequest, "web", contact).requested = true;
        }
    }

    /// A mailing to a few contacts, and what they make of it.
    fn email(&mut self) {
        let sent_at = self.second;
        for _ in 0..self.rng.int(1, 3) {
            self.second = sent_at;
            let contact = self.contact();
            self.touch(Kind::EmailSent, "email", contact).inbound = false;
            if !self.rng.chance(0.36) {
                continue;
            }
            self.wait(300, 14_400);
            self.touch(Kind::EmailOpen, "email", contact);
            if self.rng.chance(0.24) {
                self.wait(5, 120);
                self.touch(Kind::EmailClick, "email", contact);
            }
            if self.rng.chance(0.1) {
                self.wait(120, 5_400);
                let requested = self.rng.chance(0.15);
                self.touch(Kind::EmailReply, "email", contact).requested = requested;
            }
        }
    }

    fn social(&mut self) {
        let contact = self.contact();
        for _ in 0..self.rng.int(1, 2) {
            let kind = self.rng.weighted(&[
                (Kind::SocialInteraction, 0.4),
                (Kind::LinkedinInteraction, 0.42),
                (Kind::MessageReply, 0.18),
            ]);
            // A message of ours on the network is a touch as well, in the other direction.
            let inbound = kind != Kind::LinkedinInteraction || self.rng.chance(0.65);
            self.touch(kind, "social", contact).inbound = inbound;
            self.wait(60, 3_600);
        }
    }

    /// A click on an advertisement, then a short visit.
    fn advertisement(&mut self) {
        let contact = if self.rng.chance(0.12) { NOBODY } else { self.contact() };
        self.touch(Kind::AdClick, "ads", contact);
        self.wait(2, 20);
        for _ in 0..self.rng.int(1, 2) {
            let duration = self.rng.lognormal(30.0, 0.8).clamp(2.0, 1800.0) as u16;
            self.touch(Kind::PageView, "web", contact).duration = Some(duration);
            self.wait(10, 120);
        }
    }

    /// A webinar or an event that several people of the account attend.
    fn gathering(&mut self, abm: bool) {
        let exclusive = if abm { 0.2 } else { 0.04 };
        let kind = self.rng.weighted(&[(Kind::Webinar, 0.55), (Kind::Event, 0.35), (Kind::ExclusiveEvent, exclusive)]);
        for _ in 0..self.rng.int(1, 3) {
            let contact = self.contact();
            if kind == Kind::Webinar {
                self.content(kind, contact);
            } else {
                self.touch(kind, "event", contact);
            }
            self.wait(0, 600);
        }
    }

    fn sales(&mut self) {
        let contact = self.contact();
        let (kind, ours) = self.rng.weighted(&[((Kind::SalesCall, 0.85), 0.68), ((Kind::SalesMeeting, 0.5), 0.32)]);
        let inbound = !self.rng.chance(ours);
        let requested = inbound && self.rng.chance(0.25);
        let touch = self.touch(kind, "sales", contact);
        (touch.inbound, touch.requested) = (inbound, requested);
        if kind == Kind::SalesMeeting && self.rng.chance(0.5) {
            let colleague = self.contact();
            self.touch(kind, "sales", colleague).inbound = inbound;
        }
    }

    fn product(&mut self) {
        let contact = self.contact();
        let kind =
            self.rng.weighted(&[(Kind::ProductUsage, 0.72), (Kind::SupportTicket, 0.18), (Kind::SuccessReview, 0.1)]);
        match kind {
            Kind::SupportTicket => self.touch(kind, "support", contact).inbound = true,
            Kind::SuccessReview => self.touch(kind, "product", contact).inbound = false,
            _ => {
                for _ in 0..self.rng.int(1, 3) {
                    self.touch(kind, "product", contact);
                    self.wait(300, 7_200);
                }
            }
        }
    }

    /// Somebody passes on what they have read.
    fn word_of_mouth(&mut self) {
        let contact = self.contact();
        self.content(Kind::ContentView, contact);
        let (kind, channel) = self.rng.weighted(&[
            ((Kind::Forward, "email"), 0.45),
            ((Kind::Share, "social"), 0.35),
            ((Kind::InternalMention, "web"), 0.2),
        ]);
        self.touch(kind, channel, contact);
    }

    /// A data provider reports research; it seldom knows whose.
    fn intent(&mut self) {
        let contact = if self.rng.chance(0.35) { NOBODY } else { self.contact() };
        let kind =
            self.rng.weighted(&[(Kind::IntentTopic, 0.55), (Kind::IntentPricing, 0.25), (Kind::IntentCompetitor, 0.2)]);
        self.touch(kind, "intent", contact);
    }

    /// A touch of a content; how much of it was consumed is not always measured.
    fn content(&mut self, kind: Kind, contact: u32) {
        let content = self.world.campaigns.draw_content(self.rng, self.day);
        let consumed = self.rng.chance(0.85).then(|| {
            let mean = if kind == Kind::Webinar { 0.72 } else { 0.55 };
            (100.0 * (mean + 0.26 * self.rng.normal())).clamp(2.0, 100.0) as u8
        });
        let channel = if kind == Kind::Webinar { "event" } else { "web" };
        let duration = (channel == "web").then(|| self.rng.lognormal(95.0, 0.8).clamp(4.0, 3600.0) as u16);
        let touch = self.touch(kind, channel, contact);
        touch.content = Some(content);
        touch.consumed = consumed;
        touch.duration = duration;
        self.wait(20, 400);
    }

    fn touch(&mut self, kind: Kind, channel: &'static str, contact: u32) -> &mut Touch {
        // Now and then a contact is booked on the wrong account.
        let stray = contact != NOBODY && self.rng.chance(0.003);
        let contact = if stray { self.stranger() } else { contact };
        let at = self.touches.len();
        self.touches.push(Touch {
            second: self.second,
            account: self.account,
            contact,
            kind,
            channel,
            inbound: true,
            campaign: self.campaign,
            content: None,
            duration: None,
            consumed: None,
            requested: false,
        });
        &mut self.touches[at]
    }

    fn contact(&mut self) -> u32 {
        if self.rng.chance(0.015) {
            return NOBODY;
        }
        self.world.contacts.draw(self.rng, self.account, self.day)
    }

    /// A contact of some account, on the day it exists already.
    fn stranger(&mut self) -> u32 {
        let account = self.rng.below(self.world.accounts.len()) as u32;
        self.world.contacts.draw(self.rng, account, self.day)
    }

    /// The campaign a session belongs to: mailings, advertising and events nearly always have one.
    fn campaign(&mut self, channel: &str) -> Option<u32> {
        let share = match channel {
            "email" | "ads" | "event" => 0.92,
            "social" => 0.5,
            "web" => 0.36,
            "sales" => 0.2,
            _ => 0.0,
        };
        if !self.rng.chance(share) {
            return None;
        }
        self.world.campaigns.draw(self.rng, self.account, self.day, channel)
    }

    fn wait(&mut self, least: i32, most: i32) {
        self.second += self.rng.int(least, most) as u32;
    }
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PageView => "page_view",
            Self::FormSubmit => "form_submit",
            Self::Download => "download",
            Self::PremiumDownload => "premium_download",
            Self::ContentView => "content_view",
            Self::EmailSent => "email_sent",
            Self::EmailOpen => "email_open",
            Self::EmailClick => "email_click",
            Self::EmailReply => "email_reply",
            Self::AdClick => "ad_click",
            Self::SocialInteraction => "social_interaction",
            Self::LinkedinInteraction => "linkedin_interaction",
            Self::MessageReply => "message_reply",
            Self::Webinar => "webinar",
            Self::Event => "event",
            Self::ExclusiveEvent => "exclusive_event",
            Self::DemoRequest => "demo_request",
            Self::SalesCall => "sales_call",
            Self::SalesMeeting => "sales_meeting",
            Self::ProductUsage => "product_usage",
            Self::SupportTicket => "support_ticket",
            Self::SuccessReview => "success_review",
            Self::Forward => "forward",
            Self::Share => "share",
            Self::InternalMention => "internal_mention",
            Self::IntentCompetitor => "intent_competitor",
            Self::IntentPricing => "intent_pricing",
            Self::IntentTopic => "intent_topic",
        }
    }
}
