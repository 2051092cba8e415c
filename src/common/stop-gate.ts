import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DomainError } from './errors/domain-error.js';

/** Whether requests are still taken: not once the process has begun to stop. Of the root module, whose hooks come first. */
@Injectable()
export class StopGate implements OnModuleDestroy {
  private isClosed = false;

  onModuleDestroy(): void {
    this.isClosed = true;
  }

  /** What a request is refused with; undefined while it is taken. */
  refusal(): DomainError | undefined {
    return this.isClosed
      ? new DomainError('UNAVAILABLE', 'The server is stopping; send the request again')
      : undefined;
  }
}
