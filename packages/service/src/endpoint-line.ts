import type { ClusterEvent } from '@fairlead/net';
import type { Logger } from '@fairlead/telemetry';

/** A line of what happens to the endpoints of a service that is called, where it concerns people. */
export function endpointLine(log: Logger, service: string, event: ClusterEvent): void {
  switch (event.kind) {
    case 'ejected': {
      const { address, why, times, untilMs } = event;
      const until = new Date(untilMs).toISOString();
      log.warn(undefined, `${service}: ${address} is left out until ${until}, because it fails`, { why, times });
      return;
    }
    case 'returned':
      log.info(undefined, `${service}: ${event.address} is asked again`, { because: event.because });
      return;
    case 'panic': {
      const { isPanicking, healthy, endpoints } = event;
      if (isPanicking)
        log.warn(undefined, `${service}: so few endpoints are well that all are asked`, { healthy, endpoints });
      else log.info(undefined, `${service}: enough endpoints are well again`, { healthy, endpoints });
      return;
    }
    case 'spared':
    case 'unhealthy':
    case 'healthy':
    case 'updated':
    case 'discovery-failed':
  }
}
