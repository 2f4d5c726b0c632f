using DistSgd.Shared.Exchange;

namespace DistSgd.Worker.Tests;

/// <summary>A way to one or more imaginary shards that holds one array of entries, keeps a log, and may be made to wait or to fail.</summary>
internal sealed class ScriptedClient(int keys, int entryFloats, int shards = 1) : IParameterClient
{
    private long _version;

    public float[] Entries { get; } = new float[keys * entryFloats];

    public List<string> Log { get; } = [];

    public List<(PushName Name, PushKind Kind, long Step, double RateSum, long ReadVersion)> Pushes { get; } = [];

    /// <summary>L2 norm of each push's values.</summary>
    public List<double> PushedNorms { get; } = [];

    /// <summary>Awaited by each exchange before anything is done; gets the exchange's number from 0.</summary>
    public Func<int, Task>? Gate { get; set; }

    /// <summary>Exchanges begun.</summary>
    public int Begun { get; private set; }

    public int ShardCount => shards;

    public long BytesPushed => 0;

    public long BytesPulled => 0;

    public async ValueTask ExecuteAsync(ParameterExchange exchange, CancellationToken cancellationToken)
    {
        int number = Begun++;
        string what = $"{(exchange.PushKeys is null ? "" : $"push {exchange.PushName.Sequence}")}{(exchange.PullKeys is null ? "" : $" pull {exchange.PullKeys.Count}")}".Trim();
        Log.Add($"begin {what}");
        if (Gate is not null)
            await Gate(number).WaitAsync(cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        if (exchange.PushKeys is not null)
            Push(exchange, exchange.PushKeys);
        if (exchange.PullKeys is not null)
            Pull(exchange, exchange.PullKeys);
        Log.Add($"end {what}");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Push(ParameterExchange exchange, KeySet set)
    {
        Pushes.Add((exchange.PushName, exchange.PushKind, exchange.Step, exchange.RateSum, exchange.ReadVersions[0]));
        PushedNorms.Add(Math.Sqrt(exchange.PushValues.ToArray().Sum(value => (double)value * value)));
        _version++;
        if (exchange.PushKind != PushKind.Delta)
            return;
        for (int i = 0; i < set.Count; i++)
        {
            for (int k = 0; k < entryFloats; k++)
                Entries[Key(set, i) * entryFloats + k] += exchange.PushValues.Span[i * entryFloats + k];
        }
    }

    private void Pull(ParameterExchange exchange, KeySet set)
    {
        int stride = exchange.PullPart == PullPart.Entries ? entryFloats : 1;
        for (int i = 0; i < set.Count; i++)
        {
            for (int k = 0; k < stride; k++)
                exchange.Pulled.Span[i * stride + k] = Entries[Key(set, i) * entryFloats + k];
        }
        Array.Fill(exchange.PulledVersions, _version);
    }

    private static int Key(KeySet set, int place) => set.IsRange ? (int)set.First + place : (int)set.Keys[place];
}
