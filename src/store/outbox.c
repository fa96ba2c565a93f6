#include "store/outbox.h"

void outbox_put(struct outbox *outbox, struct job_list *jobs) {
    if (jobs->first == NULL) {
        return;
    }
    mailbox_put(&outbox->mailbox, jobs);
    if (outbox->wake != NULL) {
        outbox->wake(outbox->wake_context);
    }
}
