using DistSgd.Kernels;

namespace DistSgd.Learning.Losses;

/// <summary>
/// Structured hinge loss of rows with any number of classes, cost: how many are wrong (Hamming). With ψ(x,y) = ½ Σ_l y_l φ_l(x), y_l = ±1,
/// the maximum is taken for each class by itself, so that it is Σ_l max(0, 1 − y_l·f_l): k binary hinges.
/// </summary>
public readonly struct HammingLoss : IOutputLoss
{
    /// <inheritdoc/>
    public bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss)
    {
        ReadOnlySpan<int> own = rows.ClassSets[rows.ClassSetStarts[row]..rows.ClassSetStarts[row + 1]];
        loss = 0;
        bool changes = false;
        int next = 0;
        for (int l = 0; l < scores.Length; l++)
        {
            bool has = next < own.Length && own[next] == l;
            next += has ? 1 : 0;
            float missing = has ? 1f - scores[l] : 1f + scores[l];
            bool violated = missing > 0f;
            derivative[l] = !violated ? 0f : has ? -1f : 1f;
            loss += violated ? missing : 0f;
            changes |= violated;
        }
        return changes;
    }
}
