"""The commands by which people of the company say what they did: their options and help."""

from __future__ import annotations

from journey_engine.cli.arguments import Commands, add, as_json, as_of, at_least_one, project


def tasks(commands: Commands) -> None:
    """`journey tasks`."""
    parser = add(
        commands,
        "tasks",
        "inbox:tasks",
        "The staff inbox: list what is to be done, take a task, say how it ended.",
        "A task is named by its id or by the first signs of it.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "take", "done", "cancel"),
        default="list",
        help="list (the default); take one for --owner; done with its --outcome; cancel what need not be done any more",
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="take, done, cancel: which task")
    parser.add_argument("--team", help="list: only this team's")
    parser.add_argument("--owner", help="list: only this person's; take, done: who it is")
    parser.add_argument("--free", action="store_true", help="list: only what nobody has taken")
    parser.add_argument("--late", action="store_true", help="list: only what is open beyond its deadline")
    parser.add_argument("--state", help="list: open (the default), done, cancelled, pending, refused ...")
    parser.add_argument("--limit", type=at_least_one, default=100, metavar="N", help="list: at most so many (100)")
    parser.add_argument("--over", action="store_true", help="take: also from somebody who has it")
    parser.add_argument("--outcome", metavar="WORD", help="done: how it ended, in a word that its step allows")
    parser.add_argument("--note", metavar="TEXT", help="done: what else there is to say; a letter may quote it")
    parser.add_argument("--reason", metavar="TEXT", help="cancel: why")
    project(parser)
    as_of(parser, "without it the clock's")
    as_json(parser)


def customer(commands: Commands) -> None:
    """`journey customer`."""
    parser = add(
        commands,
        "customer",
        "customer:customer",
        "Print all that is kept of one customer as JSON, or erase it.",
        "What was erased cannot be brought back; that nothing may be sent to them stays known.",
    )
    parser.add_argument("action", choices=("export", "erase"), help="export prints JSON; erase forgets them everywhere")
    parser.add_argument("customer", metavar="ID", help="the customer_id; of a stranger mailto:ADDRESS or tel:NUMBER")
    project(parser)
    as_json(parser)


def rewards(commands: Commands) -> None:
    """`journey rewards`."""
    parser = add(
        commands,
        "rewards",
        "rewarding:rewards",
        "Referrals and rewards: list them, approve or void one, redeem a voucher, add up a program.",
        "A referral or a reward is named by its id or by the first signs of it, a reward also by its code.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("list", "approve", "void", "redeem", "balance", "code", "load"),
        default="list",
        help="list (the default); approve a flagged referral; void a referral, or take a reward back; redeem a reward; "
        "balance: the sums of a program; code: somebody's code and link; load: a file of codes into a pool",
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="approve, void, redeem: which one; load: the file")
    parser.add_argument("--program", help="only this program; balance, code: which one")
    parser.add_argument("--customer", help="only of this customer; code: whose")
    parser.add_argument("--state", help="list: only in this state, such as flagged, approved, available or redeemed")
    parser.add_argument("--reason", metavar="TEXT", help="approve, void: why")
    parser.add_argument("--cause", metavar="TEXT", help="redeem: by what, such as an order's number; once each")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="list: at most so many of each (100)")
    project(parser)
    as_of(parser, "without it the clock's")
    as_json(parser)
