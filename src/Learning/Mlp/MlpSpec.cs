using System.Globalization;
using DistSgd.Kernels;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Mlp;

/// <summary>What the hidden layers do with their sums.</summary>
public enum HiddenActivation
{
    /// <summary>max(0, z).</summary>
    Relu,

    /// <summary>z above 0, c·z elsewhere; c is 0.1 unless given.</summary>
    LeakyRelu,

    /// <summary>z above 0, c·(e^z − 1) elsewhere; c is 1 unless given.</summary>
    Elu,

    /// <summary>1/(1 + e^−z).</summary>
    Sigmoid,

    /// <summary>tanh z.</summary>
    Tanh,

    /// <summary>The largest of several sums a unit (Goodfellow et al. 2013).</summary>
    Maxout,
}

/// <summary>How weights are drawn before the first step. Biases start at 0.</summary>
public enum WeightInit
{
    /// <summary>He for activations of the ReLU family, Glorot for the others.</summary>
    Auto,

    /// <summary>N(0, 2/fan-in): He et al. 2015.</summary>
    He,

    /// <summary>N(0, 2/(fan-in + fan-out)): Glorot &amp; Bengio 2010.</summary>
    Glorot,

    /// <summary>N(0, 1/fan-in): LeCun et al. 1998.</summary>
    Lecun,

    /// <summary>N(0, 0.01²).</summary>
    Normal,

    /// <summary>All 0: the units of a hidden layer then stay equal to each other.</summary>
    Zeros,
}

/// <summary>The loss at the end of the network.</summary>
public enum MlpHead
{
    /// <summary>Cross-entropy of the softmax of k scores: −f_y + log Σ e^(f_j). Labels are class numbers.</summary>
    Softmax,

    /// <summary>Weston and Watkins' hinge: Σ over j ≠ y of max(0, f_j − f_y + 1). Labels are class numbers.</summary>
    Hinge,

    /// <summary>Σ ½(f_j − t_j)²: one score and a real target, or k scores and the class number's 0/1 vector.</summary>
    Squared,

    /// <summary>log(1 + e^(−y·f)) of one score; labels are ±1.</summary>
    Logistic,
}

/// <summary>
/// A multi-layer perceptron: hidden layers, each a linear map, then batch normalisation, activation and dropout as asked for, and a
/// linear map to the scores. Immutable.
/// </summary>
public sealed record MlpSpec
{
    /// <summary>Units of a layer, and sums of the first one, at most.</summary>
    public const int UnitsMax = 16_384;

    /// <summary>What an activation is written as.</summary>
    public const string ActivationExpected = "sigmoid, tanh, relu, leaky-relu[:SLOPE], elu[:ALPHA] or maxout[:PIECES]";

    /// <summary>Hidden layers at most.</summary>
    public const int LayersMax = 64;

    /// <summary>Units of the hidden layers, the first one nearest to the features; may be empty.</summary>
    public IReadOnlyList<int> Layers { get; init; } = [256, 128];

    /// <summary>Scores a row, k.</summary>
    public int Outputs { get; init; } = 1;

    /// <summary>The loss.</summary>
    public MlpHead Head { get; init; }

    /// <summary>The hidden layers' activation.</summary>
    public HiddenActivation Activation { get; init; }

    /// <summary>c of leaky ReLU and ELU; null: 0.1 and 1.</summary>
    public float? ActivationConstant { get; init; }

    /// <summary>Sums a unit of maxout; at least 2.</summary>
    public int MaxoutPieces { get; init; } = 2;

    /// <summary>How weights are drawn.</summary>
    public WeightInit Init { get; init; }

    /// <summary>True: batch normalisation before each activation (Ioffe &amp; Szegedy 2015); the linear maps then have no bias.</summary>
    public bool BatchNorm { get; init; }

    /// <summary>The probability with which dropout silences a hidden unit for a row; in [0, 1).</summary>
    public float Dropout { get; init; }

    /// <summary>Sums of a hidden unit.</summary>
    public int Pieces => Activation == HiddenActivation.Maxout ? MaxoutPieces : 1;

    /// <summary>c of the activation.</summary>
    public float Constant => ActivationConstant ?? (Activation == HiddenActivation.LeakyRelu ? 0.1f : 1f);

    /// <summary>The activation of single numbers; not for maxout.</summary>
    internal ActivationFunction Function => Activation switch
    {
        HiddenActivation.Relu => ActivationFunction.Relu,
        HiddenActivation.LeakyRelu => ActivationFunction.LeakyRelu,
        HiddenActivation.Elu => ActivationFunction.Elu,
        HiddenActivation.Sigmoid => ActivationFunction.Sigmoid,
        HiddenActivation.Tanh => ActivationFunction.Tanh,
        _ => throw new InvalidOperationException($"{Activation} acts on several numbers at a time."),
    };

    /// <summary>Throws unless all values are in range.</summary>
    /// <exception cref="ArgumentException">One isn't; the message names it as the command line does.</exception>
    public void Check()
    {
        Require(Layers.Count <= LayersMax, $"--hidden has {Layers.Count} layers; expected at most {LayersMax}.");
        foreach (int units in Layers)
            Require(units is >= 1 and <= UnitsMax && units * (long)Pieces <= UnitsMax, $"--hidden has a layer of {units} units{(Pieces > 1 ? $" of {Pieces} pieces" : "")}; expected 1 to {UnitsMax / Pieces}.");
        Require(Dropout is >= 0 and < 1, $"--dropout is {Dropout}; expected a probability from 0 to below 1.");
        Require(MaxoutPieces is >= 2 and <= 64, $"--activation is maxout:{MaxoutPieces}; expected 2 to 64 pieces.");
        Require(Constant > 0 && float.IsFinite(Constant), $"--activation is {ActivationText}; expected a positive number behind the colon.");
        Require(Activation is HiddenActivation.LeakyRelu or HiddenActivation.Elu || ActivationConstant is null,
            $"--activation is {ActivationText}; only leaky-relu, elu and maxout take a number.");
        Require(Outputs is >= 1 and <= UnitsMax, $"The network has {Outputs} outputs; expected 1 to {UnitsMax}.");
    }

    /// <summary>The activation as it is written: <c>relu</c>, <c>leaky-relu:0.2</c>, <c>maxout:3</c>.</summary>
    public string ActivationText => Activation == HiddenActivation.Maxout ? $"maxout:{MaxoutPieces}"
        : KindName.Of(Activation) + (ActivationConstant is { } given ? string.Create(CultureInfo.InvariantCulture, $":{given}") : "");

    /// <summary>The same network with another activation.</summary>
    /// <param name="text">As <see cref="ActivationText"/>; the number may be left out.</param>
    /// <exception cref="ArgumentException">It isn't one.</exception>
    public MlpSpec WithActivation(string text)
    {
        string[] words = text.Split(':');
        HiddenActivation? kind = Array.Find(Enum.GetValues<HiddenActivation>().Cast<HiddenActivation?>().ToArray(), one => KindName.Of(one!) == words[0]);
        bool isNumber = float.TryParse(words[^1], CultureInfo.InvariantCulture, out float number);
        MlpSpec? result = (kind, words.Length) switch
        {
            (null, _) or (_, > 2) => null,
            (_, 1) => this with { Activation = kind.Value, ActivationConstant = null },
            (HiddenActivation.Maxout, 2) when isNumber && number == (int)number => this with { Activation = kind.Value, MaxoutPieces = (int)number, ActivationConstant = null },
            (HiddenActivation.LeakyRelu or HiddenActivation.Elu, 2) when isNumber => this with { Activation = kind.Value, ActivationConstant = number },
            _ => null,
        };
        return result ?? throw new ArgumentException($"--activation is '{text}'; expected {ActivationExpected}.");
    }

    /// <summary>Whether a text is an activation.</summary>
    /// <param name="text">Any.</param>
    public static bool IsActivation(string text)
    {
        try
        {
            new MlpSpec().WithActivation(text).Check();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>"256-128 relu, batch norm, dropout 0.2"; for people.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{string.Join('-', Layers)} {ActivationText}{(BatchNorm ? ", batch norm" : "")}{(Dropout > 0 ? $", dropout {Dropout}" : "")}");

    /// <inheritdoc/>
    public bool Equals(MlpSpec? other) => other is not null && Layers.SequenceEqual(other.Layers)
        && (Outputs, Head, ActivationText, Init, BatchNorm, Dropout) == (other.Outputs, other.Head, other.ActivationText, other.Init, other.BatchNorm, other.Dropout);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Layers.Count, Outputs, Head, ActivationText, BatchNorm, Dropout);

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new ArgumentException(otherwise);
    }
}
