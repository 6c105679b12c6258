// The stories that MedplumClient plays against a server; each prints what the client was given as one line of JSON.
//
//     node medplum.mjs STORY BASE_URL [ARGUMENT…]

import { MedplumClient, OperationOutcomeError, normalizeErrorString } from '@medplum/core';

const [story, baseUrl, ...rest] = process.argv.slice(2);
const medplum = new MedplumClient({ baseUrl, cacheTime: 0 });

const WINDOW = { start: '2026-03-16T09:00:00Z', end: '2026-03-16T11:00:00Z' };
const SERVICE = 'HealthcareService/checkup';

/** What a call that must fail says: the error's class and message, and the issue of its outcome. */
async function failure(call) {
  try {
    await call();
  } catch (error) {
    const { code, details, expression } = error.outcome?.issue?.[0] ?? {};
    return {
      isOutcome: error instanceof OperationOutcomeError,
      message: error.message,
      shown: normalizeErrorString(error),
      issue: { code, text: details?.text, expression },
    };
  }
  throw new Error('the call was accepted');
}

const parameters = (...parameter) => ({ resourceType: 'Parameters', parameter });
const resources = (bundle) => (bundle.entry ?? []).map((entry) => entry.resource);
const summary = ({ status, start, slot }) => ({ status, start, slots: slot?.length });

async function find(more = {}) {
  const query = { ...WINDOW, 'service-type-reference': SERVICE, schedule: 'Schedule/a', ...more };
  return resources(await medplum.get(medplum.fhirUrl('Appointment', '$find') + `?${new URLSearchParams(query)}`));
}

async function findByPost() {
  const body = parameters(
    { name: 'start', valueDateTime: WINDOW.start },
    { name: 'end', valueDateTime: WINDOW.end },
    { name: 'service-type-reference', valueReference: { reference: SERVICE } },
    { name: 'schedule', valueReference: { reference: 'Schedule/a' } }
  );
  return resources(await medplum.post(medplum.fhirUrl('Appointment', '$find'), body));
}

async function send(operation, appointment, ...more) {
  const body = parameters({ name: 'appointment', resource: appointment }, ...more);
  return medplum.post(medplum.fhirUrl('Appointment', operation), body);
}

const onAppointment = (id, operation, body) => medplum.post(medplum.fhirUrl('Appointment', id, operation), body ?? {});

const stories = {
  /** From the first question to the cancelled visit. */
  async visit() {
    const offered = await find();
    const same = await findByPost();
    const [booked, ...slots] = resources(await send('$book', offered[0]));
    const [held] = resources(await send('$hold', offered[1], { name: 'hold-minutes', valuePositiveInt: 10 }));
    const left = await find();
    const [confirmed] = resources(await onAppointment(held.id, '$confirm'));
    const [moved] = resources(
      await onAppointment(
        booked.id,
        '$reschedule',
        parameters(
          { name: 'start', valueDateTime: '2026-03-16T10:30:00Z' },
          { name: 'schedule', valueReference: { reference: 'Schedule/b' } }
        )
      )
    );
    const cancelled = await onAppointment(held.id, '$cancel');
    const byReference = await medplum.post(
      medplum.fhirUrl('Appointment', '$cancel'),
      parameters({ name: 'appointment-reference', valueReference: { reference: `Appointment/${moved.id}` } })
    );
    return {
      offered: offered.map((one) => one.start),
      same: JSON.stringify(same) === JSON.stringify(offered),
      booked: summary(booked),
      slots: slots.map((one) => one.status),
      held: summary(held),
      left: left.map((one) => one.start),
      confirmed: summary(confirmed),
      moved: summary(moved),
      cancelled: cancelled.status,
      byReference: [byReference.type, ...resources(byReference).map((one) => one.status)],
    };
  },

  /** Refusals as the client shows them. */
  async refusals() {
    const [offer] = await find();
    await send('$book', offer);
    return {
      taken: await failure(() => send('$book', offer)),
      window: await failure(() => find({ end: WINDOW.start })),
      missing: await failure(() => onAppointment('nobody', '$confirm')),
      removed: await failure(() => medplum.get(medplum.fhirUrl('Schedule', 'a', '$find'))),
      unread: await failure(() => medplum.readResource('Patient', 'nobody')),
      patched: await failure(() => medplum.patchResource('Schedule', 'a', [{ op: 'remove', path: '/actor' }])),
      unsound: await failure(() => medplum.createResource({ resourceType: 'Slot', status: 'free' })),
    };
  },

  /** Questions asked at once, which the client sends as one batch. */
  async together() {
    const sent = [];
    const counting = new MedplumClient({
      baseUrl,
      cacheTime: 0,
      autoBatchTime: 50,
      fetch: (url, options) => {
        sent.push(`${options.method} ${new URL(url).pathname}`);
        return fetch(url, options);
      },
    });
    const query = new URLSearchParams({ ...WINDOW, 'service-type-reference': SERVICE, schedule: 'Schedule/a' });
    const [a, offers, nobody, patients] = await Promise.all([
      counting.readResource('Schedule', 'a'),
      counting.get(counting.fhirUrl('Appointment', '$find') + `?${query}`),
      failure(() => counting.readResource('Schedule', 'nobody')),
      counting.searchResources('Patient', 'active=true'),
    ]);
    return { sent, a: a.id, offers: resources(offers).length, nobody, patients: patients.length };
  },

  /** One booking with an identifier, by way of a connection that is cut after the commit. */
  async retry(identifier) {
    const offer = (await find())[3];
    const booked = await send('$book', { ...offer, identifier: [{ system: 'urn:ietf:rfc:3986', value: identifier }] });
    return { id: resources(booked)[0].id, start: resources(booked)[0].start };
  },

  /** A token instead of credentials that anybody would accept. */
  async login(subject, secret) {
    const before = await failure(() => find());
    const wrong = await failure(() => medplum.startClientLogin(subject, 'not the secret of anybody'));
    await medplum.startClientLogin(subject, secret);
    const { profile } = await medplum.get('auth/me');
    const offered = await find();
    const forbidden = await failure(() => medplum.createResource({ resourceType: 'Organization', name: 'x' }));
    return { before, wrong, profile: profile.resourceType, name: profile.name, offers: offered.length, forbidden };
  },

  /** Resources: written, read, searched, replaced. */
  async resources() {
    const made = await medplum.createResource({
      resourceType: 'Patient',
      name: [{ family: 'Nováková', given: ['Jana'] }],
      identifier: [{ system: 'http://example.org/mrn', value: '7' }],
    });
    const once = await medplum.createResourceIfNoneExist(
      { resourceType: 'Patient', identifier: [{ system: 'http://example.org/mrn', value: '7' }] },
      'identifier=http://example.org/mrn|7'
    );
    const read = await medplum.readResource('Patient', made.id);
    const found = await medplum.searchResources('Patient', 'name=nov');
    const changed = await medplum.updateResource({ ...read, active: true });
    const lost = await failure(() =>
      medplum.updateResource({ ...read, active: false }, { headers: { 'If-Match': `W/"${read.meta.versionId}"` } })
    );
    const kept = await medplum.updateResource(
      { ...changed, active: false },
      { headers: { 'If-Match': `W/"${changed.meta.versionId}"` } }
    );
    const upserted = await medplum.upsertResource(
      { resourceType: 'Patient', identifier: kept.identifier, birthDate: '1990-01-01' },
      'identifier=http://example.org/mrn|7'
    );
    await medplum.deleteResource('Patient', made.id);
    const gone = await failure(() => medplum.readResource('Patient', made.id));
    return {
      same: made.id === once.id && made.id === read.id,
      found: found.map((one) => one.id === made.id),
      changed: changed.active,
      versions: [made, changed, kept].map((one) => one.meta.versionId),
      lost,
      kept: kept.active,
      upserted: [upserted.id === made.id, upserted.birthDate],
      gone,
    };
  },

  /** Paging, and what the list of a schedule looks like. */
  async search() {
    for (let number = 0; number < 5; number++) {
      await medplum.createResource({ resourceType: 'Location', name: `Room ${number}`, status: 'active' });
    }
    const pages = [];
    for await (const page of medplum.searchResourcePages('Location', 'name=room&_count=2')) {
      pages.push(page.length);
    }
    await send('$book', (await find())[0]);
    const slots = await medplum.searchResources('Slot', { schedule: 'Schedule/a', start: 'ge2026-03-16' });
    const earlier = await medplum.searchResources('Slot', { schedule: 'Schedule/a', start: 'lt2026-03-16' });
    const one = await medplum.searchOne('Appointment', 'status=booked&actor=Practitioner/a');
    return { pages, slots: slots.map((each) => each.start), earlier: earlier.length, one: one.status };
  },

  /** A batch whose entries are answered each, and a transaction whose entries refer to each other. */
  async bundles() {
    const batch = await medplum.executeBatch({
      resourceType: 'Bundle',
      type: 'batch',
      entry: [
        { request: { method: 'GET', url: 'Schedule/a' } },
        { request: { method: 'GET', url: 'Schedule/nobody' } },
      ],
    });
    const person = 'urn:uuid:6e6a3a1c-9e0a-4f0e-8f3c-000000000001';
    const transaction = await medplum.executeBatch({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          fullUrl: person,
          resource: { resourceType: 'Practitioner', name: [{ family: 'Weber' }] },
          request: { method: 'POST', url: 'Practitioner' },
        },
        {
          resource: { resourceType: 'Schedule', actor: [{ reference: person }] },
          request: { method: 'POST', url: 'Schedule' },
        },
      ],
    });
    const [practitioner, schedule] = resources(transaction);
    return {
      batch: batch.entry.map((entry) => entry.response.status.slice(0, 3)),
      transaction: transaction.entry.map((entry) => entry.response.status.slice(0, 3)),
      linked: schedule.actor[0].reference === `Practitioner/${practitioner.id}`,
    };
  },
};

try {
  console.log(JSON.stringify(await stories[story](...rest)));
} catch (error) {
  console.error(error.stack, JSON.stringify(error.outcome ?? null));
  process.exitCode = 1;
}
