using System.Buffers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;

namespace DistSgd.ParamServer.Clients;

/// <summary>
/// The in-process form of <see cref="IParameterClient"/>: calls the shards directly, completes at once, copies nothing but the pulled
/// values. One per worker thread; the shards are shared.
/// </summary>
/// <param name="shards">The job's shards in key order. Not disposed with the client.</param>
public sealed class InProcessParameterClient(IReadOnlyList<ParameterShard> shards) : IParameterClient
{
    /// <inheritdoc/>
    public int ShardCount => shards.Count;

    /// <inheritdoc/>
    public long BytesPushed { get; private set; }

    /// <inheritdoc/>
    public long BytesPulled { get; private set; }

    /// <inheritdoc/>
    public ReadOnlyMemory<float>? ValuesInPlace => shards is [ParameterShard only] ? only.ValuesInPlace : null;

    /// <inheritdoc/>
    public ValueTask ExecuteAsync(ParameterExchange exchange, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (exchange.PushKeys is not null)
            Push(exchange, exchange.PushKeys);
        if (exchange.PullKeys is not null)
            Pull(exchange, exchange.PullKeys);
        else
            ReadVersions(exchange.PulledVersions);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Push(ParameterExchange exchange, KeySet keys)
    {
        exchange.Duplicate = false;
        for (int i = 0; i < shards.Count; i++)
        {
            ParameterShard shard = shards[i];
            (int start, int count) = keys.Within(shard.Range);
            int stride = shard.Floats.Of(exchange.PushKind);
            var header = new PushHeader(exchange.PushName, exchange.PushKind, exchange.Step, exchange.RateSum, exchange.ReadVersions[i]);
            ReadOnlySpan<float> values = exchange.PushValues.Span.Slice(start * stride, count * stride);
            using var local = new LocalKeys(keys, start, count, shard);
            if (!shard.Push(header, local.Keys, values))
                exchange.Duplicate = true;
            BytesPushed += sizeof(float) * (long)values.Length + sizeof(uint) * (long)local.Keys.List.Length;
        }
    }

    private void ReadVersions(long[] versions)
    {
        for (int i = 0; i < versions.Length; i++)
            versions[i] = shards[i].Version;
    }

    private void Pull(ParameterExchange exchange, KeySet keys)
    {
        for (int i = 0; i < shards.Count; i++)
        {
            ParameterShard shard = shards[i];
            (int start, int count) = keys.Within(shard.Range);
            int stride = shard.Floats.Of(exchange.PullPart);
            Span<float> packed = exchange.Pulled.Span.Slice(start * stride, count * stride);
            using var local = new LocalKeys(keys, start, count, shard);
            exchange.PulledVersions[i] = shard.Pull(local.Keys, exchange.PullPart, packed);
            BytesPulled += sizeof(float) * (long)packed.Length;
        }
    }

    // Keys relative to the shard's first key; a list is copied only where the shard doesn't begin at key 0.
    private readonly ref struct LocalKeys
    {
        private readonly uint[]? _rented;

        public LocalKeys(KeySet keys, int start, int count, ParameterShard shard)
        {
            long first = shard.Range.First;
            if (keys.IsRange)
            {
                Keys = ShardKeys.Range(count == 0 ? 0 : keys.First + start - first, count);
                return;
            }
            ReadOnlySpan<uint> list = keys.Keys.Slice(start, count);
            if (first != 0)
            {
                _rented = ArrayPool<uint>.Shared.Rent(count);
                for (int i = 0; i < count; i++)
                    _rented[i] = list[i] - (uint)first;
                list = _rented.AsSpan(0, count);
            }
            Keys = ShardKeys.Of(list);
        }

        public ShardKeys Keys { get; }

        public void Dispose()
        {
            if (_rented is not null)
                ArrayPool<uint>.Shared.Return(_rented);
        }
    }
}
