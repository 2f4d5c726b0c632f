using DistSgd.Learning.Models;

namespace DistSgd.Learning.Oracle;

/// <summary>The derivatives of losses of several scores, spelled out a second time in plain scalar code.</summary>
internal static class OracleClasses
{
    /// <summary>dℓ/df of each output for a row of class y.</summary>
    public static float[] Slopes(ModelSpec model, float[] f, int y) => model.Loss switch
    {
        LossKind.CrossEntropy => [.. Softmax(f).Select((p, j) => j == y ? p - 1f : p)],
        LossKind.WestonWatkins => WestonWatkins(f, y),
        LossKind.CrammerSinger or LossKind.ZeroOne => Worst(f, y, [.. f], _ => model.Margin),
        LossKind.Tree => Worst(f, y, [.. f.Select((score, j) => score + model.Costs[y, j])], j => model.Costs[y, j]),
        _ => throw new NotSupportedException($"The oracle doesn't know the loss {model.Loss}."),
    };

    private static float[] Softmax(float[] f)
    {
        float largest = f.Max();
        float[] powers = [.. f.Select(score => OracleMath.Exp(score - largest))];
        float sum = 0;
        foreach (float power in powers)
            sum += power;
        return [.. powers.Select(power => 1f / sum * power)];
    }

    private static float[] WestonWatkins(float[] f, int y)
    {
        float[] slopes = [.. f.Select((score, j) => j != y && score - f[y] + 1f > 0 ? 1f : 0f)];
        slopes[y] = -slopes.Sum();
        return slopes;
    }

    // The first of the highest ranks other than y; it costs what the function says.
    private static float[] Worst(float[] f, int y, float[] ranks, Func<int, float> cost)
    {
        var slopes = new float[f.Length];
        int worst = Enumerable.Range(0, f.Length).Where(j => j != y).MaxBy(j => ranks[j]);
        if (f[worst] + cost(worst) - f[y] > 0)
            (slopes[worst], slopes[y]) = (1f, -1f);
        return slopes;
    }
}
