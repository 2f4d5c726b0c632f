using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>Values that some parameters have before the first step; all others are 0.</summary>
/// <param name="FirstKey">Where they begin.</param>
/// <param name="Values">Whole keys: a multiple of the job's width.</param>
internal sealed record InitialParameters(long FirstKey, float[] Values)
{
    // No partition has this number.
    private const ulong LeaderSource = ulong.MaxValue;
    private const int PieceFloats = 4 << 20;

    /// <summary>Sets them by pushes like any other.</summary>
    public static async Task PushAsync(TrainingJob job, IParameterClient client, InitialParameters initial, CancellationToken cancellationToken)
    {
        if (initial.Values.AsSpan().IndexOfAnyExcept(0f) < 0)
            return;
        int pieceKeys = Math.Max(1, PieceFloats / job.EntryFloats);
        int keys = initial.Values.Length / job.Width;
        ulong sequence = 0;
        for (int first = 0; first < keys; first += pieceKeys)
        {
            int count = Math.Min(pieceKeys, keys - first);
            var entries = new float[count * job.EntryFloats];
            ReadOnlySpan<float> values = initial.Values.AsSpan(first * job.Width, count * job.Width);
            for (int i = 0; i < values.Length; i++)
                entries[i * job.Stride] = values[i];
            var exchange = new ParameterExchange(client.ShardCount)
            {
                PushKeys = KeySet.Range(initial.FirstKey + first, count),
                PushValues = entries,
                PushKind = PushKind.Delta,
                PushName = new PushName(LeaderSource, ++sequence),
            };
            await client.ExecuteAsync(exchange, cancellationToken);
        }
    }
}
