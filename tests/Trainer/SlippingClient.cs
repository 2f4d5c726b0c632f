using DistSgd.Shared.Exchange;

namespace DistSgd.Trainer.Tests;

/// <summary>What goes wrong once, at the fifth push.</summary>
internal enum Slip
{
    OneMillionthMore,
    PushLost,
    PushAppliedTwice,
    WrongStep,
    PullBeforePush,
}

/// <summary>A way to the shards with one small slip: the buggy twin that comparisons must tell from the right one.</summary>
internal sealed class SlippingClient(IParameterClient inner, Slip slip) : IParameterClient
{
    private const ulong SlipAt = 5;

    public int ShardCount => inner.ShardCount;

    public long BytesPushed => inner.BytesPushed;

    public long BytesPulled => inner.BytesPulled;

    public async ValueTask ExecuteAsync(ParameterExchange exchange, CancellationToken cancellationToken)
    {
        if (exchange.PushKeys is null || exchange.PushName.Sequence != SlipAt)
        {
            await inner.ExecuteAsync(exchange, cancellationToken);
            return;
        }
        KeySet? push = exchange.PushKeys;
        switch (slip)
        {
            case Slip.OneMillionthMore:
                exchange.PushValues = exchange.PushValues.ToArray().Select(value => value * 1.000001f).ToArray();
                break;
            case Slip.PushLost:
                exchange.PushKeys = null;
                break;
            case Slip.PushAppliedTwice:
                await inner.ExecuteAsync(exchange, cancellationToken);
                exchange.PushName = new PushName(123, 1);
                break;
            case Slip.WrongStep:
                exchange.Step += 40;
                break;
            case Slip.PullBeforePush:
                KeySet? pull = exchange.PullKeys;
                exchange.PushKeys = null;
                await inner.ExecuteAsync(exchange, cancellationToken);
                (exchange.PushKeys, exchange.PullKeys) = (push, null);
                await inner.ExecuteAsync(exchange, cancellationToken);
                exchange.PullKeys = pull;
                return;
        }
        await inner.ExecuteAsync(exchange, cancellationToken);
        exchange.PushKeys = push;
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
