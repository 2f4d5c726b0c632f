using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.Trainer;

/// <summary>Sets the bias before the first step, by a push like any other.</summary>
internal static class InitialBias
{
    // No partition has this number.
    private const ulong LeaderSource = ulong.MaxValue;

    public static async Task PushAsync(TrainingJob job, IParameterClient client, float bias, CancellationToken cancellationToken)
    {
        if (bias == 0)
            return;
        var entry = new float[job.EntryFloats];
        entry[0] = bias;
        await client.ExecuteAsync(
            new ParameterExchange(client.ShardCount)
            {
                PushKeys = KeySet.Range(job.BiasKey, 1),
                PushValues = entry,
                PushKind = PushKind.Delta,
                PushName = new PushName(LeaderSource, 1),
            },
            cancellationToken);
    }
}
