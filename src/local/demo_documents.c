/* demo_documents.c - the knowledge base of a new workspace: what the people of the demo's
 * business would have written down about what its interactions are about. */
#include "base/alloc.h"
#include "local/demo.h"
#include "local/store.h"

#define DAY_MS ((int64_t)86400 * 1000)

static const struct {
    const char *id, *title, *kind;
    int days; /* ago, that it was written */
    const char *body;
} documents[] = {
    {"doc_pricing", "Pricing guide", "guide", 40,
     "# Pricing guide\n\n"
     "Starter, Team and Enterprise are priced per seat and billed yearly; a Renewal "
     "keeps "
     "the price of the first year for twelve more months. Discounts above ten percent "
     "need "
     "the approval of the owner of the region.\n\n"
     "## When pricing comes up early\n\n"
     "Customers who ask about pricing in discovery are comparing us with somebody. Ask "
     "with "
     "whom, and what the current tool costs them with its seats, its add-ons and the "
     "hours "
     "spent on exports. Name a range, never a number, before the size of the team is "
     "known."
     "\n\n"
     "## Complaints about pricing\n\n"
     "Most complaints are about seats that nobody uses. Offer the quarterly seat review "
     "before offering a discount.\n"},
    {"doc_onboarding", "Onboarding playbook", "playbook", 75,
     "# Onboarding playbook\n\n"
     "A customer is onboarded when three people outside the project team have made a "
     "report "
     "of their own. The kickoff is in the first week, the first integration is live in "
     "the "
     "second, the first report of theirs is due in the fourth.\n\n"
     "Accounts that take longer than six weeks renew half as often. The usual reasons "
     "are a "
     "missing administrator, a blocked single sign-on, and data that nobody owns.\n"},
    {"doc_integrations", "Integrations: what works with what", "reference", 20,
     "# Integrations\n\n"
     "Calendars, mail, the two large customer databases and the data warehouse are "
     "supported. Webhooks are signed; the signature is of the raw body. An integration "
     "that "
     "fails is tried again for a day, then the administrator gets a mail.\n\n"
     "Known limits: attachments above 25 MB are left out, and deleted contacts stay in "
     "reports until the nightly run.\n"},
    {"doc_reliability", "Reliability and the status page", "policy", 120,
     "# Reliability\n\n"
     "The service level is 99.9 percent a month. An incident is on the status page "
     "within "
     "fifteen minutes, its cause within five working days. Customers on Enterprise get "
     "the "
     "credit without asking.\n\n"
     "When a customer complains about reliability: look at the status page first, say "
     "what "
     "you see, and give the date by which they will hear the cause.\n"},
    {"doc_support", "Support hours and escalation", "policy", 150,
     "# Support\n\n"
     "Support answers within four hours on working days, within one hour for Enterprise. "
     "Escalate when a customer has asked the same question twice, when data is lost, or "
     "when "
     "a deal in negotiation depends on the answer.\n"},
    {"doc_reporting", "Reporting: questions that come up", "faq", 33,
     "# Reporting\n\n"
     "*Why do two reports differ?* One counts deals, the other contacts. A deal has one "
     "row "
     "of its own; contacts about it carry its amount too, so sum only the rows of "
     "deals.\n\n"
     "*Why is the last month low?* Deals take twenty to a hundred days to close.\n\n"
     "*Can reports be exported?* As CSV, by anybody who may read them.\n"},
    {"doc_northwind", "Battlecard: Northwind", "battlecard", 12,
     "# Northwind\n\n"
     "Northwind is cheaper by a third for small teams and has no audit log. They win on "
     "pricing and on a quick start; they lose where reporting across regions matters.\n\n"
     "Ask: who approves changes to the numbers? Land: permissions, history, export.\n"},
    {"doc_globex", "Battlecard: Globex", "battlecard", 15,
     "# Globex\n\n"
     "Globex sells a suite. Their integrations with their own products are better than "
     "ours, "
     "with everything else worse. Customers who left Globex name support: tickets wait "
     "for "
     "weeks.\n\n"
     "Ask: what else of the suite will you use? Land: open integrations, named "
     "support.\n"},
    {"doc_initech", "Battlecard: Initech", "battlecard", 18,
     "# Initech\n\n"
     "Initech is what people have, not what they choose: it came with the finance "
     "system. "
     "Onboarding takes months and needs consultants. Renewals of Initech come up in "
     "December; talk before October.\n\n"
     "Ask: how long did the last change take? Land: onboarding in four weeks.\n"},
    {"doc_stages", "What the stages of a deal mean", "reference", 200,
     "# Stages\n\n"
     "*Discovery*: a problem was named. *Qualification*: somebody with a budget has it. "
     "*Proposal*: they have our price in writing. *Negotiation*: they have asked to "
     "change "
     "it. *Closed won* needs a signature, *closed lost* a reason.\n"},
    {"doc_voice", "How we write", "style", 90,
     "# How we write\n\n"
     "Short sentences, plain words, one idea a paragraph. Figures come from a query and "
     "name "
     "their period. No superlatives, and no promise that a customer did not make for us. "
     "A "
     "headline says what was found, not what was looked at.\n"},
    {"doc_alder", "Case study: Alder Foods", "case_study", 60,
     "# Alder Foods\n\n"
     "Alder Foods had numbers in four places and a weekly meeting about which were "
     "right. "
     "Onboarding took four weeks; the first report of the sales team was about sentiment "
     "by "
     "channel. They renewed early and bought Enterprise for two more regions.\n\n"
     "What they liked: that complaints about reliability were answered with a date.\n"},
};

int demo_documents(struct store *store, time_t now)
{
    struct document list[ARRAY_LEN(documents)];
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        list[i] = (struct document){
            .id = documents[i].id,
            .title = documents[i].title,
            .kind = documents[i].kind,
            .body = documents[i].body,
            .updated_ms = (int64_t)now * 1000 - documents[i].days * DAY_MS,
        };
    return store->ops->documents_replace(store, list, ARRAY_LEN(list));
}
