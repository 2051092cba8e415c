import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DomainError } from './errors/domain-error.js';

/** Rejects requests once the process has begun to stop. Provided by the root module, whose hooks run first. */
@Injectable()
export class StopGate implements OnModuleDestroy {
  private isClosed = false;

  onModuleDestroy(): void {
    this.isClosed = true;
  }

  /** The error to reject a request with; undefined while requests are accepted. */
  refusal(): DomainError | undefined {
    return this.isClosed
      ? new DomainError('UNAVAILABLE', 'The server is stopping; send the request again')
      : undefined;
  }
}
