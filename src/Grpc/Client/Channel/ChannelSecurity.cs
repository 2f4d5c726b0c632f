using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>What a channel's credentials say: TLS or not, how, and what is added to each call. Immutable once read.</summary>
internal sealed class ChannelSecurity
{
    private readonly List<CallCredentials> _callCredentials = [];
    private string? _rootsPem;
    private KeyCertificatePair? _certificate;
    private VerifyPeerCallback? _verifyPeer;

    private ChannelSecurity(bool isSecure) => IsSecure = isSecure;

    public bool IsSecure { get; private set; }

    /// <summary>Credentials of each call.</summary>
    public IReadOnlyList<CallCredentials> CallCredentials => _callCredentials;

    /// <summary>Whether TLS has settings of its own, which only a handler of the channel's own can be given.</summary>
    public bool HasSslSettings => _rootsPem is not null || _certificate is not null || _verifyPeer is not null;

    /// <exception cref="InvalidOperationException">Address and credentials contradict each other, or neither says whether there is TLS.</exception>
    public static ChannelSecurity Of(ChannelAddress address, ChannelCredentials? credentials)
    {
        if (credentials is null)
        {
            return new ChannelSecurity(address.IsSecure ?? (address.IsUnix ? false : throw new InvalidOperationException(
                $"The address dns:///{address.Target} doesn't say whether there is TLS: set GrpcChannelOptions.Credentials.")));
        }
        var security = new ChannelSecurity(isSecure: false);
        credentials.InternalPopulateConfiguration(new Reader(), security);
        if (address.IsSecure is { } byAddress && byAddress != security.IsSecure)
        {
            throw new InvalidOperationException(byAddress
                ? $"The address https://{address.Target} is with TLS, the channel's credentials are without: make them SslCredentials, or the address http."
                : $"The address http://{address.Target} is without TLS, the channel's credentials are with: make them ChannelCredentials.Insecure, or the address https.");
        }
        return security;
    }

    /// <summary>Sets a handler's TLS up.</summary>
    public void Configure(SslClientAuthenticationOptions ssl, string targetName)
    {
        if (_rootsPem is not null)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPem(_rootsPem);
            ssl.CertificateChainPolicy = policy;
        }
        if (_certificate is { } pair)
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(pair.CertificateChain);
            ssl.ClientCertificateContext = SslStreamCertificateContext.Create(
                X509Certificate2.CreateFromPem(pair.CertificateChain, pair.PrivateKey), [.. chain.Skip(1)], offline: true);
        }
        if (_verifyPeer is { } verify)
        {
            ssl.RemoteCertificateValidationCallback = (_, certificate, _, errors) => errors == SslPolicyErrors.None
                && certificate is X509Certificate2 peer && verify(new VerifyPeerContext(targetName, peer.ExportCertificatePem()));
        }
    }

    private sealed class Reader : ChannelCredentialsConfiguratorBase
    {
        public override void SetInsecureCredentials(object state) => ((ChannelSecurity)state).IsSecure = false;

        public override void SetSslCredentials(
            object state, string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback)
        {
            var security = (ChannelSecurity)state;
            security.IsSecure = true;
            security._rootsPem = rootCertificates;
            security._certificate = keyCertificatePair;
            security._verifyPeer = verifyPeerCallback;
        }

        public override void SetCompositeCredentials(object state, ChannelCredentials channelCredentials, CallCredentials callCredentials)
        {
            channelCredentials.InternalPopulateConfiguration(this, state);
            ((ChannelSecurity)state)._callCredentials.Add(callCredentials);
        }
    }
}
